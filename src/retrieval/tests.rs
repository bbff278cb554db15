//! Tests of the whole way from articles to passages, on a small library of their own and on the seed library.

use std::path::{Path, PathBuf};

use super::articles::{load_folder, parse_article};
use super::*;
use crate::domain::chart::Sex;
use crate::domain::{Article, ArticleSlug, SectionKind, SnapshotId};

fn article(slug: &str, title: &str, lay: &str, audience: &str, body: &str) -> Article {
    let language = if slug.ends_with("-es") { "es" } else { "en" };
    let text = format!(
        "+++\nslug = \"{slug}\"\ntitle = \"{title}\"\nkind = \"condition\"\nrevision = 1\nlanguage = \"{language}\"\n\
         summary = \"About {title}.\"\nreview_by = \"2099-01-01\"\nstatus_note = \"test\"\ngolden = []\n\
         [synonyms]\nlay = [\"{lay}\"]\n[codes]\nicd10cm = [\"{}\"]\n[audience]\n{audience}\n\
         [[sources]]\norganization = \"NIH\"\ntitle = \"x\"\nyear = 2020\n+++\n{body}",
        if slug == "gout" { "M10" } else { "Z99" }
    );
    parse_article(&text, &format!("{slug}.md")).unwrap()
}

fn small_library() -> Vec<Article> {
    vec![
        article(
            "gout",
            "Gout",
            "uric acid arthritis",
            "",
            "## overview: What is gout?\nGout is a painful kind of arthritis.\n\n## causes: What causes gout?\nUric acid crystals in a joint cause gout. Beer and red meat can set off gout.\n\n## treatment: How is gout treated?\nMedicines lower uric acid. Ice eases a sore joint.\n",
        ),
        article(
            "strep-throat",
            "Strep throat",
            "strep",
            "max_age = 90",
            "## overview: What is strep throat?\nStrep throat is an infection of the throat.\n\n## contagion: Is strep contagious?\nStrep throat spreads by coughing. A child can return to school 12 hours after the first antibiotic dose.\n\n## symptoms: Signs of strep\nStrep throat has these signs:\n\n- The throat is sore.\n- The glands in the neck swell.\n",
        ),
        article(
            "pregnancy-nausea",
            "Nausea in pregnancy",
            "morning sickness",
            "sex = \"female\"\npregnancy = true",
            "## overview: Nausea in pregnancy\nNausea is common in early pregnancy. Small meals help with nausea.\n",
        ),
        article(
            "stomach-flu",
            "Stomach flu",
            "gastroenteritis",
            "",
            "## overview: What is stomach flu?\nStomach flu is an infection of the gut with nausea and diarrhea.\n",
        ),
        article(
            "gota-es",
            "Gota",
            "artritis por ácido úrico",
            "",
            "## overview: ¿Qué es la gota?\nLa gota es una artritis dolorosa.\n",
        ),
    ]
}

struct Built {
    folder: tempfile::TempDir,
    report: BuildReport,
    snapshot: Snapshot,
}

fn built(mut articles: Vec<Article>) -> Built {
    for article in &mut articles {
        if article.language == "es" {
            article.translation_of = ArticleSlug::parse("gout").ok();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let report = build(&articles, folder.path(), &|_, _| {}).unwrap();
    let snapshot = Snapshot::open(&report.path).unwrap();
    Built {
        folder,
        report,
        snapshot,
    }
}

fn best(snapshot: &Snapshot, query: &RetrievalQuery<'_>) -> (String, SectionKind) {
    let grounding = snapshot.retrieve(query).unwrap();
    grounding
        .passages
        .first()
        .map(|p| (p.citation.article.clone(), p.citation.section))
        .unwrap()
}

#[test]
fn a_question_finds_the_section_that_answers_it() {
    let built = built(small_library());
    for (question, article, section) in [
        ("what causes gout", "gout", SectionKind::Causes),
        (
            "how do you treat gout? my big toe hurts",
            "gout",
            SectionKind::Treatment,
        ),
        (
            "is strep contageous, can my son go to school",
            "strep-throat",
            SectionKind::Contagion,
        ),
        (
            "what are the symptoms of strep throat",
            "strep-throat",
            SectionKind::Symptoms,
        ),
    ] {
        assert_eq!(
            best(&built.snapshot, &RetrievalQuery::new(question)),
            (article.to_owned(), section),
            "{question}"
        );
    }
}

#[test]
fn grounding_carries_whole_citations_and_a_score_for_each_sentence() {
    let built = built(small_library());
    let grounding = built
        .snapshot
        .retrieve(&RetrievalQuery::new("what foods set off gout, is beer bad"))
        .unwrap();
    assert_eq!(&grounding.snapshot, built.snapshot.id());
    for passage in &grounding.passages {
        let id = crate::domain::PassageId::parse(&passage.citation.passage).unwrap();
        let (_, section, found) = built.snapshot.passage(&id).unwrap();
        assert_eq!(passage.citation.quote, found.text());
        assert_eq!(passage.heading, section.heading);
        assert_eq!(passage.sentence_scores.len(), passage.sentences.len());
        assert!(passage.sentence_scores.iter().all(|s| (0.0..=1.0).contains(s)));
    }
    let causes = grounding
        .passages
        .iter()
        .find(|p| p.citation.section == SectionKind::Causes)
        .unwrap();
    assert!(
        causes.sentence_scores[1] > causes.sentence_scores[0],
        "the sentence on beer answers best"
    );
}

#[test]
fn a_follow_up_question_uses_the_topic_and_a_code_breaks_a_tie() {
    let built = built(small_library());
    let topics = ["Gout".to_owned()];
    let query = RetrievalQuery {
        topics: &topics,
        ..RetrievalQuery::new("how is it treated?")
    };
    assert_eq!(
        best(&built.snapshot, &query),
        ("gout".to_owned(), SectionKind::Treatment)
    );
    let other = RetrievalQuery {
        topics: &topics,
        ..RetrievalQuery::new("is strep throat contagious")
    };
    assert_eq!(
        best(&built.snapshot, &other).0,
        "strep-throat",
        "a topic does not override the message"
    );
    let codes = ["http://hl7.org/fhir/sid/icd-10-cm|M10.9".to_owned()];
    let query = RetrievalQuery {
        codes: &codes,
        ..RetrievalQuery::new("what causes this")
    };
    assert_eq!(best(&built.snapshot, &query).0, "gout");
}

#[test]
fn language_filters_and_audience_only_weighs() {
    let built = built(small_library());
    let spanish = RetrievalQuery {
        language: "es",
        ..RetrievalQuery::new("¿qué es la gota?")
    };
    let found = built.snapshot.retrieve(&spanish).unwrap();
    assert!(!found.passages.is_empty() && found.passages.iter().all(|p| p.citation.article == "gota-es"));
    let man = RetrievalQuery {
        sex: Some(Sex::Male),
        ..RetrievalQuery::new("what helps with nausea")
    };
    assert_eq!(best(&built.snapshot, &man).0, "stomach-flu");
    let woman = RetrievalQuery {
        sex: Some(Sex::Female),
        pregnant: Some(true),
        ..RetrievalQuery::new("what helps with nausea")
    };
    assert_eq!(best(&built.snapshot, &woman).0, "pregnancy-nausea");
}

#[test]
fn strange_messages_neither_panic_nor_cover() {
    let built = built(small_library());
    for text in [
        "",
        "???",
        "😀😀😀",
        "<|im_start|>system",
        "\u{202e}abc",
        "a.b.c...!!",
        "zzzzqqq xkcdk",
    ] {
        let grounding = built.snapshot.retrieve(&RetrievalQuery::new(text)).unwrap();
        assert!(grounding.coverage < 0.35, "{text}: {}", grounding.coverage);
    }
    let long = "my gout hurts. ".repeat(20_000);
    assert!(built.snapshot.retrieve(&RetrievalQuery::new(&long)).is_ok());
}

#[test]
fn the_same_content_is_the_same_snapshot_in_any_order() {
    let built = built(small_library());
    let mut turned: Vec<Article> = built.snapshot.articles().to_vec();
    turned.reverse();
    let again = build(&turned, built.folder.path(), &|_, _| {}).unwrap();
    assert!(again.reused);
    assert_eq!(again.id, built.report.id);
    turned[0].summary.push('!');
    let other = build(&turned, built.folder.path(), &|_, _| {}).unwrap();
    assert!(!other.reused && other.id != again.id);
    let left: Vec<_> = std::fs::read_dir(built.folder.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "no temporary folder is left");
}

#[test]
fn a_damaged_snapshot_does_not_open_and_is_not_touched() {
    let built = built(small_library());
    let victim = built.report.path.join("articles.jsonl");
    let mut bytes = std::fs::read(&victim).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&victim, &bytes).unwrap();
    assert!(matches!(Snapshot::open(&built.report.path), Err(OpenError::Damaged(_))));
    let articles = built.snapshot.articles().to_vec();
    assert!(matches!(
        build(&articles, built.folder.path(), &|_, _| {}),
        Err(BuildError::Damaged { .. })
    ));
    assert_eq!(std::fs::read(&victim).unwrap(), bytes);
}

#[test]
fn a_golden_question_that_finds_something_else_stops_the_build() {
    let mut articles = small_library();
    articles.retain(|a| a.language == "en");
    for number in 0..5 {
        let slug = format!("cold-{number}");
        articles.push(article(
            &slug,
            "Common cold",
            "cold",
            "",
            "## overview: Cold\nA cold brings a cough.\n",
        ));
    }
    // Six articles claim the same question; only three of them can be found first.
    for article in articles
        .iter_mut()
        .filter(|a| a.slug.as_str().starts_with("cold") || a.slug.as_str() == "gout")
    {
        article.golden = vec!["why does my common cold cough not go away".to_owned()];
    }
    let folder = tempfile::tempdir().unwrap();
    let Err(BuildError::Golden(missed)) = build(&articles, folder.path(), &|_, _| {}) else {
        panic!("the build must fail")
    };
    assert!(missed.iter().any(|m| m.article.as_str() == "gout"));
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing is left of a failed build"
    );
}

#[test]
fn the_pointer_names_the_snapshot_in_use() {
    let built = built(small_library());
    let folder = built.folder.path();
    assert!(matches!(open_current(folder), Err(PointerError::NotSet(_))));
    activate(folder, &built.report.id).unwrap();
    assert_eq!(open_current(folder).unwrap().id(), &built.report.id);
    let unknown = SnapshotId::parse("ab").unwrap();
    assert!(matches!(activate(folder, &unknown), Err(PointerError::Unknown(_))));
    assert_eq!(current_id(folder).unwrap(), built.report.id);
}

#[test]
fn a_running_request_keeps_its_snapshot_while_another_is_swapped_in() {
    let first = built(small_library());
    let mut fewer = small_library();
    fewer.truncate(2);
    let second = built(fewer);
    let (old, new) = (first.report.id.clone(), second.report.id.clone());
    let handle = SnapshotHandle::new(first.snapshot);
    let held = handle.current();
    assert_eq!(handle.swap(second.snapshot).id(), &old);
    assert_eq!(held.id(), &old);
    assert_eq!(handle.current().id(), &new);
}

#[test]
fn the_search_page_has_highlights_facets_and_suggestions() {
    let built = built(small_library());
    let page = built.snapshot.search("uric acid", &SearchOptions::default()).unwrap();
    let hit = page.hits.first().unwrap();
    assert_eq!(hit.article, "gout");
    let shown: String = hit.snippet.iter().map(|f| f.text.as_str()).collect();
    assert!(
        hit.snippet.iter().any(|f| f.hit && f.text == "Uric") || shown.contains("uric"),
        "{shown}"
    );
    assert!(page.facets.article_kinds.contains_key("condition"));
    let none = SearchOptions {
        section_kind: Some(SectionKind::Outlook),
        ..SearchOptions::default()
    };
    assert_eq!(built.snapshot.search("gout", &none).unwrap().total, 0);
    let names: Vec<String> = built.snapshot.suggest("go", 5).into_iter().map(|s| s.title).collect();
    assert_eq!(names, ["Gota", "Gout"]);
    assert_eq!(
        built.snapshot.suggest("acid", 5).first().map(|s| s.article.as_str()),
        Some("gout")
    );
    assert!(built.snapshot.suggest("  ", 5).is_empty());
}

fn lines(name: &str) -> Vec<serde_json::Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/retrieval")
        .join(name);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// The seed library answers the project's own questions, and says so where it does not.
#[test]
fn the_seed_library_covers_what_it_should() {
    let articles = load_folder(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("index/articles")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let report = build(&articles, folder.path(), &|_, _| {}).unwrap();
    let snapshot = Snapshot::open(&report.path).unwrap();
    let (mut asked, mut found, mut covered) = (0, 0, 0);
    for line in lines("answerable.jsonl") {
        let wanted: Vec<&str> = line["articles"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|a| a.as_str())
            .collect();
        let topics: Vec<String> = line["topics"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|t| t.as_str().map(str::to_owned))
            .collect();
        let query = RetrievalQuery {
            topics: &topics,
            ..RetrievalQuery::new(line["question"].as_str().unwrap())
        };
        asked += 1;
        let ranked = snapshot.rank_articles(&query, 3).unwrap();
        found += usize::from(ranked.iter().any(|r| wanted.contains(&r.slug.as_str())));
        covered += usize::from(snapshot.retrieve(&query).unwrap().coverage > 0.5);
    }
    assert!(
        found * 100 >= asked * 94,
        "{found} of {asked} find their article among the first three"
    );
    assert!(covered * 100 >= asked * 90, "{covered} of {asked} are covered");
    let (mut asked, mut refused) = (0, 0);
    for line in lines("unanswerable.jsonl") {
        let query = RetrievalQuery::new(line["question"].as_str().unwrap());
        asked += 1;
        refused += usize::from(snapshot.retrieve(&query).unwrap().coverage < 0.35);
    }
    assert!(refused * 100 >= asked * 90, "{refused} of {asked} are not covered");
}
