//! `chartlight token`: a token of the local issuer.

use clap::Args;

use super::Outcome;
use crate::auth::TokenRequest;
use crate::config::Settings;
use crate::domain::{PatientId, Role, SystemClock};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Who acts (`sub`).
    #[arg(long, default_value = "demo")]
    subject: String,
    /// A role: patient, editor, clinician, system, operator. May be given several times.
    #[arg(long = "role", value_parser = role, default_value = "patient")]
    roles: Vec<Role>,
    /// FHIR id of the patient, for the role patient.
    #[arg(long)]
    patient: Option<String>,
    /// The subject acts for the patient as a proxy.
    #[arg(long)]
    proxy: bool,
    /// How long it is valid.
    #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
    seconds: u64,
}

fn role(text: &str) -> Result<Role, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .or(Err("is not patient, editor, clinician, system or operator".to_owned()))
}

pub(super) fn run(settings: &Settings, arguments: &Arguments) -> Outcome {
    let issuer = crate::app::local_issuer(settings)?;
    let issuer = issuer.ok_or_else(|| {
        anyhow::anyhow!("the local issuer is off (auth.local_issuer): get tokens from your own issuer")
    })?;
    let patient = arguments.patient.as_deref().map(PatientId::parse).transpose()?;
    if arguments.roles.contains(&Role::Patient) && patient.is_none() {
        anyhow::bail!("the role patient needs --patient ID");
    }
    let mut scopes = vec!["openid".to_owned()];
    if patient.is_some() {
        scopes.push("patient/*.read".to_owned());
    }
    if arguments.roles.contains(&Role::System) {
        scopes.push("system/*.write".to_owned());
    }
    let request = TokenRequest {
        subject: arguments.subject.clone(),
        roles: arguments.roles.clone(),
        scopes,
        patient,
        proxy: arguments.proxy,
        seconds: arguments.seconds,
    };
    println!("{}", issuer.mint(&request, &SystemClock)?);
    Ok(())
}
