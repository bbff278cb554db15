//! FHIR R4 Patient → [`Person`].

use super::elements;
use super::error::ImportError;
use super::node::Node;
use super::references::human_name;
use crate::domain::chart::Person;

/// US Core's birth sex extension.
const BIRTH_SEX: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex";

/// Reads the Patient resource.
pub fn person(node: &Node<'_>) -> Result<Person, ImportError> {
    let mut birth_sex = None;
    for extension in node.objects("extension")? {
        if extension.text("url")? == Some(BIRTH_SEX) {
            birth_sex = extension.owned("valueCode")?;
        }
    }
    let deceased_date = elements::date(node, "deceasedDateTime")?;
    let deceased = node.boolean("deceasedBoolean")?.unwrap_or(false) || deceased_date.is_some();
    let mut language = None;
    for communication in node.objects("communication")? {
        let preferred = communication.boolean("preferred")?.unwrap_or(false);
        if (language.is_none() || preferred)
            && let Some(found) = elements::status_code(&communication, "language")?
        {
            language = Some(found);
        }
    }
    let gender = node.owned("gender")?;
    if let (Some(text), Some(found)) = (gender.as_deref(), node.field("gender")?)
        && !matches!(text, "male" | "female" | "other" | "unknown")
    {
        return Err(found.invalid("is none of male, female, other, unknown"));
    }
    Ok(Person {
        name: human_name(node)?,
        gender,
        birth_sex,
        birth_date: elements::date(node, "birthDate")?,
        deceased,
        deceased_date,
        language,
    })
}
