//! What the chart says about the patient that changes how soon care is needed.
//!
//! Only what is active counts; a record marked as a mistake never does.

use crate::domain::Chart;
use crate::domain::chart::{Concept, ICD10CM, Record};

/// Sex as the record states it, for the rules that depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    /// Female.
    Female,
    /// Male.
    Male,
}

/// What changes the level. `None` and `false` mean that the chart does not say so.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TriageContext {
    /// Age in whole years.
    pub age_years: Option<i32>,
    /// Sex.
    pub sex: Option<Sex>,
    /// Pregnant now.
    pub pregnant: Option<bool>,
    /// Weeks of pregnancy.
    pub pregnancy_weeks: Option<u8>,
    /// Gave birth within the last six weeks (ACOG's postpartum warning signs reach to a year; six weeks is acute).
    pub postpartum: bool,
    /// Takes a blood thinner.
    pub anticoagulated: bool,
    /// Weakened immune system: chemotherapy, transplant, HIV, long steroids, biologics, no spleen.
    pub immunosuppressed: bool,
    /// Diabetes of any type.
    pub diabetes: bool,
    /// Takes insulin.
    pub insulin: bool,
    /// Coronary disease, heart failure, valve disease or a rhythm disorder.
    pub heart_disease: bool,
    /// Kidney failure or chronic kidney disease.
    pub kidney_disease: bool,
    /// Asthma or COPD.
    pub lung_disease: bool,
    /// Had a stroke or TIA.
    pub stroke_history: bool,
    /// Cirrhosis or other severe liver disease.
    pub liver_disease: bool,
    /// Seizure disorder.
    pub epilepsy: bool,
    /// Sickle cell disease.
    pub sickle_cell: bool,
    /// Adrenal insufficiency.
    pub adrenal_insufficiency: bool,
}

const ANTICOAGULANTS: &str = "warfarin coumadin jantoven apixaban eliquis rivaroxaban xarelto dabigatran pradaxa edoxaban savaysa enoxaparin lovenox heparin fondaparinux dalteparin";
const IMMUNOSUPPRESSANTS: &str = "methotrexate azathioprine mycophenolate tacrolimus cyclosporine sirolimus everolimus prednisone dexamethasone adalimumab infliximab etanercept rituximab tocilizumab tofacitinib upadacitinib cyclophosphamide doxorubicin paclitaxel docetaxel cisplatin carboplatin oxaliplatin fluorouracil capecitabine gemcitabine etoposide vincristine ocrelizumab fingolimod";

impl TriageContext {
    /// Reads the chart as of `today`.
    #[must_use]
    pub fn from_chart(chart: &Chart, today: jiff::civil::Date) -> Self {
        let medicines = active_medicines(chart);
        let takes = |list: &str| medicines.iter().any(|m| list.split(' ').any(|name| m.contains(name)));
        let conditions = ActiveConditions::of(chart);
        let birth = chart
            .person
            .birth_date
            .as_ref()
            .and_then(crate::domain::chart::FhirDate::first_day);
        let sex = match chart.person.birth_sex.as_deref().or(chart.person.gender.as_deref()) {
            Some("F" | "female") => Some(Sex::Female),
            Some("M" | "male") => Some(Sex::Male),
            _ => None,
        };
        let born_recently = chart.conditions.iter().chain(&[]).any(|c| {
            mentions(&c.record.code, &["postpartum", "puerper"])
                && conditions.is_active(&c.record, c.clinical_status.as_deref())
        }) || chart.procedures.iter().any(|p| {
            mentions(&p.record.code, &["delivery", "childbirth", "cesarean", "caesarean"])
                && !p.record.is_error()
                && p.record
                    .date
                    .as_ref()
                    .and_then(crate::domain::chart::FhirDate::first_day)
                    .is_some_and(|d| days_between(d, today).is_some_and(|n| (0..=42).contains(&n)))
        });
        let pregnant =
            conditions.any(&["pregnan", "gestation"], &["Z33", "Z34", "O0", "O1", "O2", "O3", "O4"]) && !born_recently;
        Self {
            age_years: birth.and_then(|b| whole_years(b, today)),
            sex,
            pregnant: pregnant.then_some(true),
            pregnancy_weeks: None,
            postpartum: born_recently,
            anticoagulated: takes(ANTICOAGULANTS) || conditions.any(&["anticoagulant therapy"], &["Z79.01"]),
            immunosuppressed: takes(IMMUNOSUPPRESSANTS)
                || conditions.any(
                    &[
                        "immunosuppress",
                        "immunodefic",
                        "immune defic",
                        "transplant",
                        "neutropeni",
                        "leukemia",
                        "lymphoma",
                        "asplenia",
                        "chemotherapy",
                        "hiv infection",
                        "human immunodeficiency",
                    ],
                    &[
                        "D80", "D81", "D82", "D83", "D84", "B20", "Z94", "D70", "C91", "C92", "Q89.01", "Z90.81",
                    ],
                ),
            diabetes: conditions.any(
                &[
                    "diabetes mellitus",
                    "diabetes type",
                    "type 1 diabetes",
                    "type 2 diabetes",
                ],
                &["E10", "E11", "E13"],
            ) && !conditions.only(&["prediabetes"], &["diabetes mellitus", "diabetes type"]),
            insulin: takes("insulin lantus humalog novolog levemir tresiba basaglar"),
            heart_disease: conditions.any(
                &[
                    "coronary",
                    "myocardial infarction",
                    "heart failure",
                    "ischemic heart",
                    "atrial fibrillation",
                    "cardiomyopathy",
                    "valve",
                    "angina",
                    "heart disease",
                ],
                &["I20", "I21", "I22", "I25", "I34", "I35", "I42", "I48", "I50"],
            ),
            kidney_disease: conditions.any(
                &[
                    "kidney disease",
                    "renal failure",
                    "end-stage renal",
                    "dialysis",
                    "renal disease",
                ],
                &["N18", "N19", "Z99.2"],
            ),
            lung_disease: conditions.any(
                &[
                    "asthma",
                    "obstructive pulmonary",
                    "obstructive bronchitis",
                    "emphysema",
                    "cystic fibrosis",
                ],
                &["J43", "J44", "J45", "E84"],
            ),
            stroke_history: conditions.any(
                &["stroke", "cerebral infarction", "transient ischemic"],
                &["I63", "G45", "Z86.73", "I69"],
            ),
            liver_disease: conditions.any(
                &["cirrhosis", "hepatic failure", "liver failure"],
                &["K74", "K72", "K70.3"],
            ),
            epilepsy: conditions.any(&["epilepsy", "seizure disorder"], &["G40"]),
            sickle_cell: conditions.any(&["sickle cell disease", "sickle cell anemia"], &["D57"]),
            adrenal_insufficiency: conditions.any(
                &["addison", "adrenal insufficiency", "adrenocortical insufficiency"],
                &["E27.1", "E27.4"],
            ),
        }
    }

    /// The flags that hold, by the names that rules use.
    #[must_use]
    pub fn flags(&self) -> Vec<&'static str> {
        [
            ("pregnant", self.pregnant == Some(true)),
            ("postpartum", self.postpartum),
            ("anticoagulated", self.anticoagulated),
            ("immunosuppressed", self.immunosuppressed),
            ("diabetes", self.diabetes || self.insulin),
            ("insulin-user", self.insulin),
            ("heart-disease", self.heart_disease),
            ("kidney-disease", self.kidney_disease),
            ("lung-disease", self.lung_disease),
            ("stroke-history", self.stroke_history),
            ("liver-disease", self.liver_disease),
            ("epilepsy", self.epilepsy),
            ("sickle-cell", self.sickle_cell),
            ("adrenal-insufficiency", self.adrenal_insufficiency),
            ("female", self.sex == Some(Sex::Female)),
            ("male", self.sex == Some(Sex::Male)),
        ]
        .into_iter()
        .filter(|(_, holds)| *holds)
        .map(|(name, _)| name)
        .collect()
    }
}

/// Active conditions as lower-case names and ICD-10-CM codes.
struct ActiveConditions {
    names: Vec<String>,
    icd: Vec<String>,
}

impl ActiveConditions {
    fn of(chart: &Chart) -> Self {
        let mut found = Self {
            names: Vec::new(),
            icd: Vec::new(),
        };
        for condition in &chart.conditions {
            if found.is_active(&condition.record, condition.clinical_status.as_deref()) {
                found.names.extend(texts(&condition.record.code));
                found
                    .icd
                    .extend(condition.record.code.code_in(ICD10CM).map(str::to_owned));
            }
        }
        found
    }

    #[expect(clippy::unused_self, reason = "reads as a question to the conditions")]
    fn is_active(&self, record: &Record, clinical: Option<&str>) -> bool {
        !record.is_error()
            && !matches!(record.status.as_deref(), Some("refuted"))
            && !matches!(clinical, Some("resolved" | "inactive" | "remission"))
    }

    fn any(&self, names: &[&str], icd: &[&str]) -> bool {
        self.names.iter().any(|have| names.iter().any(|n| have.contains(n)))
            || self
                .icd
                .iter()
                .any(|have| icd.iter().any(|code| have.starts_with(code)))
    }

    /// Whether only `these` are named and none of `those`.
    fn only(&self, these: &[&str], those: &[&str]) -> bool {
        self.any(these, &[]) && !self.any(those, &[])
    }
}

fn texts(concept: &Concept) -> Vec<String> {
    concept
        .text
        .iter()
        .chain(concept.codings.iter().filter_map(|c| c.display.as_ref()))
        .map(|t| t.to_lowercase())
        .collect()
}

fn mentions(concept: &Concept, words: &[&str]) -> bool {
    texts(concept).iter().any(|text| words.iter().any(|w| text.contains(w)))
}

fn active_medicines(chart: &Chart) -> Vec<String> {
    chart
        .medication_requests
        .iter()
        .filter(|m| !m.record.is_error())
        .filter(|m| {
            matches!(
                m.record.status.as_deref(),
                None | Some("active" | "on-hold" | "unknown")
            )
        })
        .flat_map(|m| texts(&m.record.code))
        .collect()
}

fn whole_years(birth: jiff::civil::Date, today: jiff::civil::Date) -> Option<i32> {
    let span = birth.until((jiff::Unit::Year, today)).ok()?;
    Some(i32::from(span.get_years())).filter(|years| (0..=130).contains(years))
}

fn days_between(from: jiff::civil::Date, to: jiff::civil::Date) -> Option<i32> {
    from.until((jiff::Unit::Day, to)).ok().map(|span| span.get_days())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::domain::PatientId;
    use crate::domain::chart::{Condition, FhirDate, MedicationRequest};

    fn named(text: &str) -> Record {
        Record {
            code: Concept {
                codings: Vec::new(),
                text: Some(text.to_owned()),
            },
            ..Record::default()
        }
    }

    #[test]
    fn the_chart_gives_age_conditions_and_medicines() {
        let mut chart = Chart::empty(PatientId::parse("p").unwrap());
        chart.person.birth_date = Some(FhirDate("1950-06-01".to_owned()));
        chart.conditions.push(Condition {
            record: named("Diabetes mellitus type 2 (disorder)"),
            clinical_status: Some("active".to_owned()),
            ..Condition::default()
        });
        chart.conditions.push(Condition {
            record: named("Asthma"),
            clinical_status: Some("resolved".to_owned()),
            ..Condition::default()
        });
        chart.medication_requests.push(MedicationRequest {
            record: Record {
                status: Some("active".to_owned()),
                ..named("Apixaban 5 MG Oral Tablet")
            },
            ..MedicationRequest::default()
        });
        let context = TriageContext::from_chart(&chart, jiff::civil::date(2026, 5, 31));
        assert_eq!(context.age_years, Some(75));
        assert!(context.diabetes && context.anticoagulated);
        assert!(!context.lung_disease && !context.insulin);
        assert_eq!(context.flags(), ["anticoagulated", "diabetes"]);
    }
}
