//! Finds the resource a reference means: contained, urn:uuid, relative, absolute, with or without a version.
//! Must not fetch anything.

use std::collections::HashMap;

use super::elements;
use super::error::ImportError;
use super::node::Node;

/// One resource of the bundle.
#[derive(Debug)]
pub struct Entry<'v> {
    /// The resource.
    pub node: Node<'v>,
    /// Its type.
    pub resource_type: &'v str,
    /// Its FHIR id; where it has none, one taken from `fullUrl` or its place in the bundle.
    pub id: String,
    /// The entry's `fullUrl`.
    pub full_url: Option<&'v str>,
}

/// Whose record it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The chart's patient.
    Patient,
    /// The record does not say, or says so in a way that cannot be followed.
    Unstated,
    /// Another Patient of the same bundle (a partner, a newborn).
    OtherInBundle,
    /// A Patient who is not in the bundle.
    Stranger,
    /// Something that is no patient (a group, a device, a place).
    NotAPatient,
}

/// All resources of a bundle, findable by reference.
#[derive(Debug)]
pub struct Resources<'v> {
    /// In the bundle's order.
    pub entries: Vec<Entry<'v>>,
    by_url: HashMap<&'v str, usize>,
    by_id: HashMap<(&'v str, String), usize>,
}

impl<'v> Resources<'v> {
    /// Indexes the entries; of several with one type and id the last one is found.
    pub fn new(entries: Vec<Entry<'v>>) -> Self {
        let mut by_url = HashMap::new();
        let mut by_id = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            if let Some(url) = entry.full_url {
                by_url.insert(url, index);
            }
            by_id.insert((entry.resource_type, entry.id.clone()), index);
        }
        Self { entries, by_url, by_id }
    }

    /// The place of the resource that `reference` means; `None` where it is not in the bundle.
    pub fn find(&self, reference: &str) -> Option<usize> {
        if let Some(index) = self.by_url.get(reference) {
            return Some(*index);
        }
        let (kind, id) = type_and_id(reference)?;
        let (found, index) = self
            .entries
            .iter()
            .find(|e| e.resource_type == kind)
            .map(|e| (e.resource_type, id))?;
        self.by_id.get(&(found, index.to_owned())).copied()
    }

    /// The resource that the Reference at `key` means, contained ones included.
    pub fn follow(&self, holder: &Node<'v>, reference: &str) -> Result<Option<Node<'v>>, ImportError> {
        if let Some(local) = reference.strip_prefix('#') {
            for contained in holder.objects("contained")? {
                if contained.text("id")? == Some(local) {
                    return Ok(Some(contained));
                }
            }
            return Ok(None);
        }
        Ok(self
            .find(reference)
            .and_then(|index| self.entries.get(index))
            .map(|entry| entry.node.clone()))
    }

    /// The id under which the target of `reference` stands in the chart: that of the resource in the bundle, else
    /// the id the reference itself names.
    pub fn id_of(&self, reference: &str) -> Option<String> {
        if reference.starts_with('#') {
            return None;
        }
        if let Some(entry) = self.find(reference).and_then(|index| self.entries.get(index)) {
            return Some(entry.id.clone());
        }
        type_and_id(reference).map(|(_, id)| id.to_owned())
    }

    /// Ids of the targets of the References at `key` that are of `kind`.
    pub fn ids_at(&self, node: &Node<'v>, key: &'static str, kind: &str) -> Result<Vec<String>, ImportError> {
        let mut ids = Vec::new();
        for reference in node.objects(key)? {
            let Some(text) = reference.text("reference")? else {
                continue;
            };
            let target = self
                .find(text)
                .and_then(|index| self.entries.get(index))
                .map(|entry| entry.resource_type);
            let named = target.or_else(|| type_and_id(text).map(|(kind, _)| kind));
            if named.is_none_or(|named| named == kind) {
                ids.extend(self.id_of(text));
            }
        }
        Ok(ids)
    }

    /// The name to show for a Reference: its display, else the name or code of what it means.
    pub fn display(&self, holder: &Node<'v>, reference: &Node<'v>) -> Result<Option<String>, ImportError> {
        if let Some(display) = elements::clean(reference.text("display")?) {
            return Ok(Some(display));
        }
        let Some(text) = reference.text("reference")? else {
            return Ok(None);
        };
        match self.follow(holder, text)? {
            None => Ok(None),
            Some(target) => name_of(&target),
        }
    }

    /// The name to show for the Reference at `key`.
    pub fn display_at(&self, node: &Node<'v>, key: &'static str) -> Result<Option<String>, ImportError> {
        match node.object(key)? {
            None => Ok(None),
            Some(reference) => self.display(node, &reference),
        }
    }

    /// Whose record `node` is, for the patient at `patient`.
    pub fn owner(&self, node: &Node<'v>, patient: usize) -> Result<Owner, ImportError> {
        for key in ["subject", "patient"] {
            // Both are References wherever a clinical resource has them; other uses (Coverage.subject…) do not exist.
            if let Some(reference) = node.field(key)?.filter(|found| found.value().is_object()) {
                return self.owner_of(&reference, patient);
            }
        }
        let mut owner = Owner::Unstated;
        if node.text("resourceType")? == Some("Appointment") {
            for participant in node.objects("participant")? {
                let Some(actor) = participant.object("actor")? else {
                    continue;
                };
                match self.owner_of(&actor, patient)? {
                    Owner::Patient => return Ok(Owner::Patient),
                    Owner::NotAPatient | Owner::Unstated => {}
                    other => owner = other,
                }
            }
        }
        Ok(owner)
    }

    /// Whether the observation is about somebody or something else than its subject (`focus`).
    pub fn has_other_focus(&self, node: &Node<'v>, patient: usize) -> Result<bool, ImportError> {
        for focus in node.objects("focus")? {
            if self.owner_of(&focus, patient)? != Owner::Patient {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn owner_of(&self, reference: &Node<'v>, patient: usize) -> Result<Owner, ImportError> {
        let Some(text) = reference.text("reference")? else {
            return Ok(Owner::Unstated);
        };
        if let Some(index) = self.find(text) {
            let is_patient = self
                .entries
                .get(index)
                .is_some_and(|entry| entry.resource_type == "Patient");
            return Ok(match (index == patient, is_patient) {
                (true, _) => Owner::Patient,
                (false, true) => {
                    // The same Patient may stand twice in one bundle.
                    let same = self.entries.get(index).map(|e| &e.id) == self.entries.get(patient).map(|e| &e.id);
                    if same { Owner::Patient } else { Owner::OtherInBundle }
                }
                (false, false) => Owner::NotAPatient,
            });
        }
        if let Some(query) = text.strip_prefix("Patient?identifier=") {
            return self.owner_by_identifier(query, patient);
        }
        if text.starts_with('#') || text.starts_with("urn:") {
            return Ok(Owner::Unstated);
        }
        Ok(match type_and_id(text) {
            Some(("Patient", _)) => Owner::Stranger,
            Some(_) => Owner::NotAPatient,
            None => Owner::Unstated,
        })
    }

    fn owner_by_identifier(&self, query: &str, patient: usize) -> Result<Owner, ImportError> {
        let (system, value) = query
            .split_once('|')
            .map_or((None, query), |(system, value)| (Some(system), value));
        for (index, entry) in self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, e)| e.resource_type == "Patient")
        {
            for identifier in entry.node.objects("identifier")? {
                let same_system = system.is_none() || identifier.text("system")? == system;
                if same_system && identifier.text("value")? == Some(value) {
                    return Ok(if index == patient {
                        Owner::Patient
                    } else {
                        Owner::OtherInBundle
                    });
                }
            }
        }
        Ok(Owner::Stranger)
    }
}

/// `Type` and `id` of a relative or absolute literal reference.
fn type_and_id(reference: &str) -> Option<(&str, &str)> {
    let reference = reference
        .split_once("/_history/")
        .map_or(reference, |(before, _)| before);
    let mut parts = reference.rsplit('/');
    let id = parts.next().filter(|id| !id.is_empty() && !id.contains('?'))?;
    let kind = parts
        .next()
        .filter(|kind| kind.chars().next().is_some_and(|c| c.is_ascii_uppercase()))?;
    Some((kind, id))
}

/// The name of a resource: a HumanName, a plain name, or its code.
fn name_of(node: &Node<'_>) -> Result<Option<String>, ImportError> {
    if let Some(name) = node.field("name")? {
        return match name.value() {
            serde_json::Value::String(text) => Ok(elements::clean(Some(text))),
            serde_json::Value::Array(_) => human_name(node),
            _ => Ok(None),
        };
    }
    for key in ["code", "vaccineCode", "medicationCodeableConcept", "type"] {
        if node.field(key)?.is_some_and(|found| found.value().is_object())
            && let Some(concept) = elements::concept_at(node, key)?
        {
            return Ok(Some(concept.name().to_owned()));
        }
    }
    Ok(None)
}

/// The HumanName to show: the official or usual one before others, never an old one.
pub fn human_name(node: &Node<'_>) -> Result<Option<String>, ImportError> {
    let mut best: Option<(u8, String)> = None;
    for name in node.objects("name")? {
        let rank = match name.text("use")? {
            Some("usual") => 0,
            Some("official") => 1,
            Some("old" | "maiden") => 9,
            _ => 2,
        };
        let text = match elements::clean(name.text("text")?) {
            Some(text) => text,
            None => {
                let mut parts = Vec::new();
                for key in ["prefix", "given"] {
                    for part in name.list(key)? {
                        parts.extend(elements::clean(Some(part.as_text()?)));
                    }
                }
                parts.extend(elements::clean(name.text("family")?));
                parts.join(" ")
            }
        };
        if !text.is_empty() && rank < 9 && best.as_ref().is_none_or(|(known, _)| rank < *known) {
            best = Some((rank, text));
        }
    }
    Ok(best.map(|(_, text)| text))
}
