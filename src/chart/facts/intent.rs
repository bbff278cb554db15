//! What a question asks of the chart. Rules over whole words; patients' words for tests and conditions come from
//! `index/chart`. Must not read anything out of the chart but names to match.

use jiff::civil::Date;

use super::{has_any, whom};
use crate::chart::knowledge::{contains_word, knowledge};
use crate::chart::{explain, medicines, plain, records};
use crate::domain::chart::{Chart, Concept};
use crate::domain::text::{fold, words};

/// One thing asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// A test that was named; said so where the chart has none.
    Test(String),
    /// A test that belongs to what was named; silent where the chart has none.
    TestIfAny(String),
    /// A result that is in the chart under its own name.
    Recorded(String),
    /// The results as a whole.
    Results,
    /// One medicine, by record id.
    Medicine(String),
    /// All medicines.
    Medicines,
    /// Allergies.
    Allergies,
    /// One condition, by record id.
    Condition(String),
    /// All conditions.
    Conditions,
    /// The next appointments, at most so many.
    Appointments(usize),
    /// What is booked, ordered, planned.
    NextSteps,
    /// Surgery and what is open before it.
    Surgery,
    /// Vaccines, or one kind.
    Vaccines(Option<String>),
    /// The last procedure of a name, by record id.
    Procedure(String),
    /// A procedure of this name that the chart does not have.
    NoProcedure(String),
    /// The last visit.
    LastVisit,
    /// Family history.
    Family,
}

/// What the question asks, the most telling first.
#[must_use]
pub fn of(chart: &Chart, question: &str, today: Date) -> Vec<Intent> {
    let question = fold(question);
    if !whom::is_personal(&question) {
        return Vec::new();
    }
    let me = has_any(&question, &["my", "i", "me", "mine", "i'm", "i've", "im", "am"]);
    let mut found: Vec<Intent> = Vec::new();
    named_medicines(chart, &question, today, &mut found);
    let about_medicine = !found.is_empty();
    lists(&question, me, &mut found);
    named_tests(chart, &question, &mut found);
    if !about_medicine {
        named_condition(chart, &question, today, &mut found);
    }
    if found.is_empty() {
        recorded_names(chart, &question, &mut found);
        procedures(chart, &question, me, &mut found);
    }
    if found.is_empty() && me {
        broad(&question, &mut found);
    }
    let mut unique: Vec<Intent> = Vec::new();
    for intent in found {
        if !unique.contains(&intent) {
            unique.push(intent);
        }
    }
    unique
}

/// Medicines of the chart that the question names, by ingredient, brand or kind.
fn named_medicines(chart: &Chart, question: &str, today: Date, found: &mut Vec<Intent>) {
    let asked = words(question);
    for medicine in medicines::list(chart, today) {
        let Some(record) = medicines::find(chart, &medicine.reference.id) else {
            continue;
        };
        let names = words(record.record.code.name())
            .into_iter()
            .filter(|word| word.len() >= 5 && !COMMON.contains(&word.as_str()));
        let by_name = names.into_iter().any(|word| asked.contains(&word));
        let classes = knowledge().classes_of(&record.record.code);
        let by_kind = classes.iter().any(|class| {
            let kind = class.key.replace('_', " ");
            contains_word(question, &kind) || contains_word(question, &format!("{kind}s"))
        });
        let for_what =
            contains_word(question, "water pill") && classes.iter().any(|class| class.plain.contains("water pill"));
        if by_name || by_kind || for_what {
            found.push(Intent::Medicine(medicine.reference.id.clone()));
        }
    }
    let pill = has_any(question, &["pill", "pills", "medicine", "medication", "drug", "tablet"]);
    if found.is_empty() && pill {
        pills_for_a_condition(chart, question, today, found);
    }
    found.truncate(3);
}

/// "My blood pressure pill": the medicines for the condition that is named.
fn pills_for_a_condition(chart: &Chart, question: &str, today: Date, found: &mut Vec<Intent>) {
    let Some(problem) =
        explain::named_problem(chart, question, today).or_else(|| group_problem(chart, question, today))
    else {
        return;
    };
    let ids: Vec<&str> = problem
        .records
        .iter()
        .map(|condition| condition.record.id.as_str())
        .collect();
    for medicine in medicines::list(chart, today)
        .into_iter()
        .filter(|medicine| medicine.current)
    {
        if medicine
            .conditions
            .iter()
            .any(|condition| ids.contains(&condition.id.as_str()))
        {
            found.push(Intent::Medicine(medicine.reference.id));
        }
    }
}

/// The problem followed by a group of tests the question names ("blood pressure" → high blood pressure).
fn group_problem<'c>(chart: &'c Chart, question: &str, today: Date) -> Option<records::Problem<'c>> {
    let group = knowledge()
        .groups
        .iter()
        .find(|group| group.words.iter().any(|word| contains_word(question, word)))?;
    let lead = group.tests.first()?;
    records::problems(chart, today)
        .into_iter()
        .find(|p| p.active && p.known.is_some_and(|known| known.tests.contains(lead)))
}

/// Words of medicine names that name no medicine.
const COMMON: [&str; 18] = [
    "tablet",
    "tablets",
    "capsule",
    "solution",
    "extended",
    "release",
    "injection",
    "hydrochloride",
    "sodium",
    "suspension",
    "prefilled",
    "syringe",
    "metered",
    "inhaler",
    "potassium",
    "powder",
    "chewable",
    "acid",
];

fn lists(question: &str, me: bool, found: &mut Vec<Intent>) {
    if has_any(question, &["allergic", "allergy", "allergies"]) && me {
        found.push(Intent::Allergies);
    }
    let list_words = [
        "my medicines",
        "my medications",
        "my meds",
        "my prescriptions",
        "my pills",
        "my drugs",
        "medication list",
        "medicine list",
        "what medicines",
        "what medications",
        "which medicines",
        "which medications",
        "what meds",
        "what am i taking",
        "what drugs",
        "what pills",
    ];
    if found.is_empty() && has_any(question, &list_words) {
        found.push(Intent::Medicines);
    }
    let surgery = has_any(question, &["surgery", "operation", "my procedure"]);
    let to_do = has_any(
        question,
        &[
            "before",
            "prepare",
            "ready",
            "when",
            "still",
            "need",
            "next",
            "scheduled",
            "date",
        ],
    );
    if surgery && to_do && me {
        found.push(Intent::Surgery);
        return;
    }
    if has_any(
        question,
        &[
            "appointment",
            "appointments",
            "next visit",
            "next check-up",
            "next checkup",
            "when do i see",
            "when will i see",
            "when am i seeing",
            "booked",
            "scheduled",
        ],
    ) && !has_any(question, &["last appointment"])
    {
        let several = has_any(question, &["appointments", "visits"]);
        found.push(Intent::Appointments(if several { 4 } else { 1 }));
    }
    let steps = [
        "next step",
        "next steps",
        "what do i still need to do",
        "what should i do next",
        "what do i need to do",
        "what happens next",
        "to do list",
        "to-do",
        "been ordered",
        "was ordered",
        "were ordered",
        "did my doctor order",
        "referral",
        "referrals",
        "follow up",
        "follow-up",
        "care plan",
        "still need",
    ];
    if has_any(question, &steps) {
        found.push(Intent::NextSteps);
    }
    vaccines(question, found);
    if has_any(
        question,
        &[
            "last visit",
            "last appointment",
            "my visit",
            "my hospital stay",
            "discharged",
            "my discharge",
            "after visit",
            "when i was in the hospital",
            "emergency room visit",
        ],
    ) {
        found.push(Intent::LastVisit);
    }
    if has_any(question, &["family history", "runs in my family", "run in my family"]) {
        found.push(Intent::Family);
    }
    if has_any(
        question,
        &[
            "my conditions",
            "my diagnoses",
            "my diagnosis",
            "what conditions do i have",
            "my health problems",
            "what is wrong with me",
            "what do i have",
            "problem list",
        ],
    ) {
        found.push(Intent::Conditions);
    }
}

fn vaccines(question: &str, found: &mut Vec<Intent>) {
    let asks = has_any(
        question,
        &[
            "vaccine",
            "vaccines",
            "vaccinated",
            "vaccination",
            "vaccinations",
            "shot",
            "shots",
            "immunization",
            "immunizations",
            "booster",
            "jab",
        ],
    );
    if !asks {
        return;
    }
    let kinds: [(&str, &[&str]); 10] = [
        ("flu", &["flu", "influenza"]),
        ("shingles", &["shingles"]),
        ("pneumococcal", &["pneumonia", "pneumococcal"]),
        ("covid", &["covid", "covid-19", "corona"]),
        ("tdap", &["tetanus", "tdap", "whooping cough"]),
        ("hpv", &["hpv"]),
        ("mmr", &["mmr", "measles"]),
        ("hepatitis_b", &["hepatitis b", "hep b"]),
        ("hepatitis_a", &["hepatitis a", "hep a"]),
        ("rsv", &["rsv"]),
    ];
    let named = kinds.iter().find(|(_, words)| has_any(question, words));
    found.push(Intent::Vaccines(named.map(|(key, _)| (*key).to_owned())));
}

/// Tests that the question names, the longest names first; then groups of tests.
fn named_tests(chart: &Chart, question: &str, found: &mut Vec<Intent>) {
    // A medicine or an allergy is asked about, not its test.
    let busy = found.iter().any(|intent| {
        matches!(
            intent,
            Intent::Medicine(_) | Intent::Allergies | Intent::Vaccines(_) | Intent::Surgery | Intent::Family
        )
    });
    if busy
        && !has_any(
            question,
            &[
                "result", "results", "level", "levels", "number", "numbers", "reading", "readings", "test",
            ],
        )
    {
        return;
    }
    let known = knowledge();
    let mut named: Vec<(usize, &str)> = Vec::new();
    for test in &known.tests {
        let longest = test
            .words
            .iter()
            .filter(|word| contains_word(question, word))
            .map(String::len)
            .max();
        if let Some(length) = longest {
            named.push((length, &test.key));
        }
    }
    named.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
    // "Urine albumin" also holds "albumin": a name inside a longer one does not count.
    let groups: Vec<_> = known
        .groups
        .iter()
        .filter(|group| group.words.iter().any(|word| contains_word(question, word)))
        .collect();
    let has_own = |key: &str| records::readings(chart).any(|reading| records::in_series(reading.code(), key));
    for (_, key) in named.iter().take(3) {
        let in_group = groups.iter().any(|group| group.tests.iter().any(|test| test == key));
        if in_group && !has_own(key) {
            continue;
        }
        found.push(Intent::Test((*key).to_owned()));
    }
    if !named.is_empty() && found.iter().any(|intent| matches!(intent, Intent::Test(_))) {
        return;
    }
    for group in groups.iter().take(2) {
        let mut present = group.tests.iter().filter(|key| has_own(key)).take(4).peekable();
        if present.peek().is_none()
            && let Some(lead) = group.tests.first()
        {
            found.push(Intent::Test(lead.clone()));
        }
        for key in present {
            // Creatinine is what eGFR is computed from: one of them is enough.
            if key == "creatinine" && found.contains(&Intent::TestIfAny("egfr".to_owned())) {
                continue;
            }
            found.push(Intent::TestIfAny(key.clone()));
        }
    }
}

fn named_condition(chart: &Chart, question: &str, today: Date, found: &mut Vec<Intent>) {
    let asks = has_any(
        question,
        &[
            "do i have",
            "have i got",
            "am i",
            "i have",
            "diagnosis",
            "diagnosed",
            "disease",
            "condition",
            "stage",
        ],
    );
    let named = explain::named_problem(chart, question, today);
    if let Some(problem) = named.or_else(|| {
        if asks {
            group_problem(chart, question, today)
        } else {
            None
        }
    }) && let Some(lead) = problem.lead()
    {
        let already = found
            .iter()
            .any(|intent| matches!(intent, Intent::Allergies | Intent::Vaccines(_)));
        if !already {
            found.insert(0, Intent::Condition(lead.record.id.clone()));
        }
    }
}

/// Results of the chart that are named by their own recorded name.
fn recorded_names(chart: &Chart, question: &str, found: &mut Vec<Intent>) {
    for observation in chart
        .observations
        .iter()
        .rev()
        .filter(|observation| records::is_usable(observation))
    {
        let parts = observation.components.iter().map(|part| &part.code);
        let mut codes = std::iter::once(&observation.record.code).chain(parts);
        if let Some(code) = codes.find(|code| says_name(question, code)) {
            found.push(Intent::Recorded(records::series_key(code)));
            return;
        }
    }
}

/// Whether the question says the name of a result: whole, or most of its telling words ("my hormone panel" for
/// "Fertility hormone panel").
fn says_name(question: &str, code: &Concept) -> bool {
    let name = fold(&plain::test_name(code));
    let name = name.split(" (").next().unwrap_or_default();
    let telling: Vec<&str> = name.split_whitespace().filter(|word| word.len() >= 4).collect();
    let said = telling.iter().filter(|word| contains_word(question, word)).count();
    let mostly = telling.len() >= 2 && said >= 2 && said * 3 >= telling.len() * 2;
    name.len() >= 4 && contains_word(question, name) || mostly
}

/// The latest procedure that is named.
fn procedures(chart: &Chart, question: &str, me: bool, found: &mut Vec<Intent>) {
    if !me {
        return;
    }
    let asked = words(question);
    for procedure in chart
        .procedures
        .iter()
        .rev()
        .filter(|procedure| !procedure.record.is_error())
    {
        let name = words(plain::without_tag(procedure.record.code.name()));
        let telling = name
            .iter()
            .filter(|word| word.len() >= 6 && !NOT_TELLING.contains(&word.as_str()));
        if telling
            .into_iter()
            .any(|word| asked.iter().any(|own| same_stem(own, word)))
        {
            found.push(Intent::Procedure(procedure.record.id.clone()));
            return;
        }
    }
    let asks = has_any(
        question,
        &[
            "my last",
            "last time",
            "did i have",
            "did i get",
            "have i had",
            "when did i",
            "when was my",
            "ever had",
        ],
    );
    if let Some(name) = ASKED_FOR.iter().find(|name| asks && contains_word(question, name)) {
        found.push(Intent::NoProcedure((*name).to_owned()));
    }
}

/// Procedures that patients ask for by name; where the chart has none of them, that is said.
const ASKED_FOR: [&str; 8] = [
    "colonoscopy",
    "mammogram",
    "pap smear",
    "bone density scan",
    "endoscopy",
    "chest x-ray",
    "mri",
    "ct scan",
];

/// Whether two words share their first seven letters ("mammogram", "mammography") or are equal.
fn same_stem(left: &str, right: &str) -> bool {
    left == right || left.chars().zip(right.chars()).take_while(|(a, b)| a == b).count() >= 7
}

/// Words of procedure names that name no procedure.
const NOT_TELLING: [&str; 14] = [
    "documentation",
    "current",
    "medications",
    "medication",
    "procedure",
    "measurement",
    "examination",
    "screening",
    "evaluation",
    "therapy",
    "reconciliation",
    "physical",
    "general",
    "surgical",
];

fn broad(question: &str, found: &mut Vec<Intent>) {
    if has_any(
        question,
        &[
            "result",
            "results",
            "lab",
            "labs",
            "blood test",
            "blood tests",
            "blood work",
            "bloodwork",
            "test results",
        ],
    ) {
        found.push(Intent::Results);
    } else if has_any(
        question,
        &[
            "medicine",
            "medicines",
            "medication",
            "medications",
            "meds",
            "pills",
            "prescription",
            "prescriptions",
        ],
    ) {
        found.push(Intent::Medicines);
    }
}
