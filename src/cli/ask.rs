//! `chartlight ask`: one question to a running server, the answer printed as it arrives.

use std::time::Instant;

use clap::Args;

use super::Outcome;
use crate::config::Settings;
use crate::domain::{Block, BlockKind, Triage, Urgency};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The question.
    #[arg(required = true)]
    words: Vec<String>,
    /// FHIR id of the demo patient who asks.
    #[arg(long, default_value = "demo-patient")]
    patient: String,
    /// The server's address; the configured one if absent.
    #[arg(long)]
    server: Option<String>,
    /// Also print a curl command for the next question.
    #[arg(long)]
    curl: bool,
}

pub(super) async fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    let configured = format!("http://{}:{}", settings.server.host, settings.server.port);
    let server = arguments.server.clone().unwrap_or(configured);
    let client = reqwest::Client::new();
    let question = arguments.words.join(" ");
    let signed: serde_json::Value = post(
        &client,
        &format!("{server}/v1/dev/sign-in"),
        None,
        &serde_json::json!({"patient": arguments.patient}),
    )
    .await?
    .json()
    .await?;
    let token = signed
        .get("token")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let made: serde_json::Value = post(
        &client,
        &format!("{server}/v1/conversations"),
        Some(&token),
        &serde_json::json!({}),
    )
    .await?
    .json()
    .await?;
    let id = made.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
    let address = format!("{server}/v1/conversations/{id}/messages");
    println!("{} asks: {question}\n", arguments.patient);
    let mut response = post(
        &client,
        &address,
        Some(&token),
        &serde_json::json!({"question": question}),
    )
    .await?;
    let mut printer = Printer {
        began: Instant::now(),
        sources: Vec::new(),
        last: None,
    };
    let mut text = String::new();
    while let Some(chunk) = response.chunk().await? {
        text.push_str(&String::from_utf8_lossy(&chunk));
        while let Some((frame, rest)) = text.split_once("\n\n") {
            let (frame, rest) = (frame.to_owned(), rest.to_owned());
            printer.frame(&frame)?;
            text = rest;
        }
    }
    printer.end();
    if arguments.curl {
        println!("\nAsk the next question yourself (the token is valid for an hour):\n");
        println!(
            "curl -N {address} \\\n  -H 'Authorization: Bearer {token}' \\\n  -H 'Content-Type: application/json' -H 'Accept: text/event-stream' \\\n  -d '{{\"question\":\"is my kidney function getting worse?\"}}'"
        );
    }
    Ok(())
}

async fn post(
    client: &reqwest::Client,
    address: &str,
    token: Option<&str>,
    body: &serde_json::Value,
) -> Result<reqwest::Response, anyhow::Error> {
    let mut request = client
        .post(address)
        .json(body)
        .header("Accept", "text/event-stream, application/json");
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.map_err(|error| {
        anyhow::anyhow!("no server answers at {address} ({error}); start one with `chartlight serve`")
    })?;
    if response.status().is_success() {
        return Ok(response);
    }
    let problem: serde_json::Value = response.json().await.unwrap_or_default();
    let detail = problem
        .get("detail")
        .and_then(serde_json::Value::as_str)
        .unwrap_or("no detail");
    anyhow::bail!("the server refused: {detail}")
}

struct Printer {
    began: Instant,
    /// Sources in order of first citation: title, section, passage.
    sources: Vec<(String, String, String)>,
    last: Option<BlockKind>,
}

impl Printer {
    fn frame(&mut self, frame: &str) -> Outcome {
        let field = |name: &str| {
            frame
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap_or("")
                .trim()
        };
        let (event, data) = (field("event:"), field("data:"));
        match event {
            "triage" => {
                let triage: Triage = serde_json::from_str(data)?;
                let level = if triage.urgency >= Urgency::Urgent { "  <<<" } else { "" };
                println!("[urgency: {}]{level}\n", triage.urgency.as_str());
            }
            "block" => self.block(&serde_json::from_str(data)?),
            "error" => anyhow::bail!("the answer ended with an error: {data}"),
            _ => {}
        }
        Ok(())
    }

    fn block(&mut self, block: &Block) {
        if self.last != Some(block.kind) {
            let heading = match block.kind {
                BlockKind::Notice => "Please read",
                BlockKind::Fact => "From your chart",
                BlockKind::Quote => "From our guidance",
                BlockKind::Explanation => "In plainer words",
                BlockKind::NextStep => "When to get help",
                BlockKind::QuestionForCareTeam => "Questions for your care team",
                BlockKind::Refusal => "Not covered",
            };
            println!("{heading}  ({} ms)", self.began.elapsed().as_millis());
            self.last = Some(block.kind);
        }
        let mut marks = String::new();
        for citation in &block.citations {
            let source = (
                citation.title.clone(),
                citation.section.as_str().to_owned(),
                citation.passage.clone(),
            );
            let known = self.sources.iter().position(|other| *other == source);
            let number = known.unwrap_or_else(|| {
                self.sources.push(source);
                self.sources.len() - 1
            });
            marks.push_str(&format!(" [{}]", number + 1));
        }
        println!("  {}{marks}", block.text.replace('\n', "\n  "));
    }

    fn end(&self) {
        println!("\nSources (seed content, not clinically reviewed)");
        for (number, (title, section, passage)) in self.sources.iter().enumerate() {
            println!("  [{}] {title}, {section}  ({passage})", number + 1);
        }
    }
}
