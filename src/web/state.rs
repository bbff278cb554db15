//! What handlers are given. Built once by `app`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::assistant::Assistant;
use crate::auth::{Authenticator, LocalIssuer};
use crate::chart::preventive;
use crate::domain::{Clock, PatientId, Principal, TurnId};
use crate::engine::ModelInfo;
use crate::retrieval::SnapshotHandle;
use crate::store::{AuditEntry, Store};

/// Shared by all workers; cheap to clone.
#[derive(Debug, Clone)]
pub struct WebState {
    /// Answers questions.
    pub assistant: Assistant,
    /// The database.
    pub store: Store,
    /// The published guidance.
    pub snapshots: Arc<SnapshotHandle>,
    /// Preventive-care rules.
    pub preventive: Arc<preventive::Rules>,
    /// Checks tokens.
    pub authenticator: Arc<Authenticator>,
    /// The local issuer, in development mode.
    pub local_issuer: Option<Arc<LocalIssuer>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The loaded model.
    pub model: Option<ModelInfo>,
    /// The emergency number of this institution.
    pub emergency_number: String,
    /// Largest JSON body in bytes.
    pub body_limit: usize,
    /// Largest chart in bytes.
    pub chart_body_limit: usize,
    /// Set when the server is going down.
    pub stopping: Arc<AtomicBool>,
}

impl WebState {
    /// Whether the server is going down.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// An audit row of this caller.
    #[must_use]
    pub fn audit(
        &self,
        actor: &str,
        kind: &str,
        patient: Option<&PatientId>,
        action: &'static str,
        resource: &str,
    ) -> AuditEntry {
        AuditEntry {
            id: TurnId::generate(self.clock.now()).to_string(),
            at: self.clock.now_millis(),
            actor: actor.to_owned(),
            actor_kind: kind.to_owned(),
            patient: patient.cloned(),
            action,
            resource: resource.to_owned(),
        }
    }

    /// An audit row of a principal who is another system.
    #[must_use]
    pub fn audit_system(&self, principal: &Principal, patient: &PatientId, action: &'static str) -> AuditEntry {
        self.audit(&principal.subject, "system", Some(patient), action, patient.as_str())
    }
}
