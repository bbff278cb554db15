//! Who may start now: a pure policy over sequence places and KV cells. Knows nothing of llama.cpp.

/// What the engine has to give: sequence ids `0..sequences` and `cells` tokens of KV cache for all of them.
#[derive(Debug)]
pub(super) struct Places {
    free: Vec<i32>,
    cells: usize,
    used: usize,
}

/// One sequence's place: its id and the cells set aside for it. Must be given back with [`Places::release`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) sequence: i32,
    pub(super) cells: usize,
}

impl Places {
    pub(super) fn new(sequences: i32, cells: usize) -> Self {
        Self {
            free: (0..sequences).rev().collect(),
            cells,
            used: 0,
        }
    }

    /// A place with `cells` tokens, or `None` when no id or not enough cells are free.
    pub(super) fn take(&mut self, cells: usize) -> Option<Place> {
        if self.used + cells > self.cells {
            return None;
        }
        let sequence = self.free.pop()?;
        self.used += cells;
        Some(Place { sequence, cells })
    }

    pub(super) fn release(&mut self, place: &Place) {
        self.used = self.used.saturating_sub(place.cells);
        self.free.push(place.sequence);
    }
}

/// How many of `waiting` tokens each sequence may feed into one batch of `room` tokens: sequences that only need
/// their next token come first, so that running answers never wait for another's prompt; prompts share the rest
/// in order.
pub(super) fn share_batch(waiting: &[usize], room: usize) -> Vec<usize> {
    let mut left = room;
    let mut shares = vec![0; waiting.len()];
    for decoding in [true, false] {
        for (share, &wants) in shares.iter_mut().zip(waiting) {
            if (wants == 1) == decoding && wants > 0 {
                *share = wants.min(left);
                left -= *share;
            }
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_run_out_by_id_and_by_cells_and_come_back() {
        let mut places = Places::new(2, 100);
        let first = places.take(60);
        assert!(first.is_some());
        assert_eq!(places.take(50), None, "not enough cells");
        let second = places.take(40);
        assert!(second.is_some());
        assert_eq!(places.take(0), None, "no id left");
        if let Some(place) = first {
            places.release(&place);
        }
        assert!(places.take(60).is_some());
    }

    #[test]
    fn running_sequences_come_before_prompts_in_a_batch() {
        assert_eq!(share_batch(&[300, 1, 1, 300], 512), [300, 1, 1, 210]);
        assert_eq!(share_batch(&[5, 1], 1), [0, 1]);
        assert_eq!(share_batch(&[], 8), Vec::<usize>::new());
    }
}
