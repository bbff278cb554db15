//! Makes permits and generations without a model, for generators of tests. Runs no llama.cpp.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};

use super::request::{Generation, GenerationEvent, Permit};

/// A permit for a place of its own.
#[must_use]
pub fn permit() -> Option<Permit> {
    let place = Arc::new(Semaphore::new(1)).try_acquire_owned().ok()?;
    Some(Permit { _place: place })
}

/// A generation that gives these events and then ends.
#[must_use]
pub fn generation(permit: Permit, events: Vec<GenerationEvent>) -> Generation {
    let (sender, receiver) = mpsc::channel(events.len().max(1));
    for event in events {
        drop(sender.try_send(event));
    }
    Generation {
        events: receiver,
        _permit: permit,
    }
}

/// A generation whose events the test sends itself.
#[must_use]
pub fn open_generation(permit: Permit) -> (mpsc::Sender<GenerationEvent>, Generation) {
    let (sender, receiver) = mpsc::channel(64);
    (
        sender,
        Generation {
            events: receiver,
            _permit: permit,
        },
    )
}
