//! The rules' own examples, and what must hold for any message.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn user(text: &str) -> TurnText<'_> {
    TurnText {
        role: Speaker::User,
        text,
    }
}

fn level(rules: &TriageRules, text: &str) -> Urgency {
    rules.assess(&[user(text)], &TriageContext::default()).urgency
}

#[test]
fn every_rule_fires_on_its_examples_and_keeps_quiet_on_the_others() {
    let rules = TriageRules::embedded().unwrap();
    let wrong = rules.failing_examples();
    assert!(wrong.is_empty(), "{} examples fail:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_later_reassurance_does_not_lower_an_emergency() {
    let rules = TriageRules::embedded().unwrap();
    let turns = [
        user("my dad's face is drooping and he can't lift his arm"),
        TurnText {
            role: Speaker::Assistant,
            text: "Call 911 now.",
        },
        user("he says he is fine now, it's nothing. what foods are good for his heart?"),
    ];
    let triage = rules.assess(&turns, &TriageContext::default());
    assert_eq!(triage.urgency, Urgency::Emergency);
}

#[test]
fn the_assistants_own_words_are_no_evidence() {
    let rules = TriageRules::embedded().unwrap();
    let turns = [
        TurnText {
            role: Speaker::Assistant,
            text: "my chest hurts, I can't breathe, I am having a stroke",
        },
        user("thank you"),
    ];
    assert_eq!(
        rules.assess(&turns, &TriageContext::default()).urgency,
        Urgency::Routine
    );
}

#[test]
fn the_chart_raises_the_level_of_the_patient_but_not_of_someone_else() {
    let rules = TriageRules::embedded().unwrap();
    let thinner = TriageContext {
        anticoagulated: true,
        ..TriageContext::default()
    };
    let own = rules.assess(&[user("I fell and bumped my head this morning")], &thinner);
    assert_eq!(own.urgency, Urgency::Emergency);
    assert!(level(&rules, "I fell and bumped my head this morning") < Urgency::Emergency);
    let pregnant = TriageContext {
        pregnant: Some(true),
        pregnancy_weeks: Some(30),
        ..TriageContext::default()
    };
    assert_eq!(
        rules.assess(&[user("bad headache and I see spots")], &pregnant).urgency,
        Urgency::Emergency
    );
}

#[test]
fn notices_name_the_right_number_in_both_languages() {
    let rules = TriageRules::embedded().unwrap();
    let contacts = EmergencyContacts::default();
    for (text, number) in [
        ("my dad's face is drooping", "911"),
        ("I want to kill myself", "988"),
        ("my toddler drank some bleach", "1-800-222-1222"),
    ] {
        let triage = rules.assess(&[user(text)], &TriageContext::default());
        for language in ["en", "es-MX"] {
            let notice = rules.notice(&triage, language, &contacts).unwrap();
            assert!(notice.text.contains(number), "{text} {language}");
            assert!(!notice.text.contains('{'), "{text} {language}");
        }
    }
    let local = EmergencyContacts {
        emergency: "112".to_owned(),
        ..contacts
    };
    let triage = rules.assess(&[user("I can't breathe")], &TriageContext::default());
    assert!(rules.notice(&triage, "en", &local).unwrap().text.contains("112"));
    let calm = rules.assess(&[user("what foods are high in iron?")], &TriageContext::default());
    assert_eq!(rules.notice(&calm, "en", &local), None);
}

#[test]
fn minimising_remarks_lower_nothing() {
    let rules = TriageRules::embedded().unwrap();
    let remarks = [
        "my husband says it's nothing.",
        "It's probably just gas.",
        "I'm sure it's nothing serious.",
        "Maybe I just pulled a muscle.",
        "I feel fine otherwise.",
        "I don't want to bother anyone.",
        "My wife thinks it's anxiety.",
        "seguro no es nada.",
        "I think it's just stress, I've been tired.",
        "He insists he is fine.",
        "It's not that bad.",
    ];
    let cases = [
        "crushing chest pain going to my left arm and sweating",
        "my dad's face is drooping and speech is slurred",
        "I can't breathe and my lips are blue",
        "throwing up blood",
        "worst headache of my life came on suddenly",
        "fever 103 with stiff neck and light hurts my eyes",
        "8 weeks pregnant, bleeding and sharp pain on one side",
        "me duele el pecho y el brazo izquierdo, estoy sudando",
    ];
    for case in cases {
        let before = level(&rules, case);
        assert_eq!(before, Urgency::Emergency, "{case}");
        for remark in remarks {
            assert_eq!(level(&rules, &format!("{case}. {remark}")), before, "{case} + {remark}");
            assert_eq!(level(&rules, &format!("{remark} {case}")), before, "{remark} + {case}");
        }
    }
}

#[test]
fn unknown_keys_and_names_are_refused() {
    let files = || -> BTreeMap<String, String> {
        RuleFolder::iter()
            .map(|name| {
                (
                    name.to_string(),
                    String::from_utf8(RuleFolder::get(&name).unwrap().data.into_owned()).unwrap(),
                )
            })
            .collect()
    };
    let with = |name: &str, text: &str| {
        let mut changed = files();
        changed.insert(name.to_owned(), text.to_owned());
        TriageRules::from_files(&changed)
    };
    assert!(matches!(
        with("x.toml", "title='t'\nsource='s'\ncolour='red'"),
        Err(RuleError::Toml { .. })
    ));
    let rule = |when: &str| {
        format!("title='t'\nsource='s'\nquiet=['a']\n[[rules]]\nid='r'\nlevel='urgent'\nwhen='{when}'\nfires=['a']")
    };
    assert!(matches!(
        with("x.toml", &rule("no-such-thing")),
        Err(RuleError::UnknownName { .. })
    ));
    assert!(matches!(
        with("x.toml", &rule("fever &")),
        Err(RuleError::Condition { .. })
    ));
    assert!(matches!(
        with("x.toml", &rule("fever").replace("fires=['a']", "")),
        Err(RuleError::Invalid { .. })
    ));
    let changed = with("x.toml", &rule("fever")).unwrap();
    assert_ne!(changed.hash(), TriageRules::embedded().unwrap().hash());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        static RULES: std::sync::LazyLock<TriageRules> = std::sync::LazyLock::new(|| TriageRules::embedded().unwrap());
        let _ = RULES.assess(&[user(&text)], &TriageContext::default());
    }
}
