//! Chooses, among the series a person could follow, the one to go by (CDSi Logic Specification, chapter 8).

use jiff::civil::Date;

use super::data::{Series, SeriesKind};
use super::evaluate::{Progress, Recipient};
use super::forecast::{Forecast, Standing};

/// One series with how far the person is in it.
#[derive(Debug, Clone)]
pub(super) struct Candidate<'a> {
    pub series: &'a Series,
    pub progress: Progress,
    pub forecast: Forecast,
}

impl Candidate<'_> {
    fn valid(&self) -> usize {
        self.progress.valid().count()
    }

    fn complete(&self) -> bool {
        matches!(self.forecast.standing, Standing::Complete | Standing::Immune)
    }

    fn in_process(&self) -> bool {
        self.forecast.standing == Standing::NotComplete && self.valid() > 0
    }

    fn first_valid(&self) -> Option<Date> {
        self.progress.valid().map(|(g, _)| g.date).min()
    }

    fn last_valid(&self) -> Option<Date> {
        self.progress.valid().map(|(g, _)| g.date).max()
    }

    fn remaining(&self) -> usize {
        self.series.doses.len().saturating_sub(self.forecast.target)
    }

    fn completeable(&self) -> bool {
        matches!(self.forecast.standing, Standing::NotComplete | Standing::Complete)
    }

    fn product_kept(&self) -> bool {
        self.series.product && self.progress.doses.len() == self.valid()
    }

    /// Whether the series may be followed, by the age at which it was or would be started.
    fn startable(&self, person: &Recipient) -> bool {
        if self.complete() {
            return true;
        }
        let start = self.first_valid().unwrap_or(person.date);
        self.series.max_start.is_none_or(|p| start < p.after(person.birth))
            && self.series.min_start.is_none_or(|p| start >= p.after(person.birth))
    }
}

/// Adds `points` to the one candidate for which `better` is greatest; takes `loss` from the others; nothing on a tie.
fn score<T: PartialOrd>(scores: &mut [i32], values: &[Option<T>], points: (i32, i32)) {
    let best = values
        .iter()
        .flatten()
        .fold(None, |best: Option<&T>, value| match best {
            Some(b) if b >= value => Some(b),
            _ => Some(value),
        });
    let Some(best) = best else { return };
    let winners = values.iter().filter(|v| v.as_ref() == Some(best)).count();
    for (score, value) in scores.iter_mut().zip(values) {
        if value.as_ref() != Some(best) {
            *score -= points.1;
        } else if winners == 1 {
            *score += points.0;
        }
    }
}

/// The best candidate of one series group.
pub(super) fn best_of_group<'a>(candidates: Vec<Candidate<'a>>, person: &Recipient) -> Option<Candidate<'a>> {
    // Who has had nothing follows the default series, even past the age at which it starts.
    let untouched = candidates.iter().all(|c| c.valid() == 0);
    let fitting_default = candidates.iter().any(|c| c.series.default && c.startable(person));
    let startable: Vec<Candidate<'a>> = if untouched && !fitting_default {
        candidates
    } else {
        let (fit, unfit): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|c| c.startable(person));
        if fit.is_empty() { unfit } else { fit }
    };
    let startable: Vec<Candidate<'a>> = {
        let used = |c: &Candidate<'_>| c.series.kind != SeriesKind::Evaluation || c.valid() > 0 && c.complete();
        startable.into_iter().filter(used).collect()
    };
    let top = startable.iter().map(|c| c.series.priority).min()?;
    let mut pool: Vec<Candidate<'a>> = startable.into_iter().filter(|c| c.series.priority == top).collect();
    if pool.iter().any(Candidate::complete) {
        pool.retain(Candidate::complete);
        let mut scores = vec![0; pool.len()];
        score(&mut scores, &values(&pool, Candidate::valid), (1, 0));
        let ends: Vec<_> = pool.iter().map(|c| c.last_valid().map(std::cmp::Reverse)).collect();
        score(&mut scores, &ends, (1, 0));
        return pick(pool, &scores);
    }
    if pool.iter().any(Candidate::in_process) {
        pool.retain(Candidate::in_process);
        let mut scores = vec![0; pool.len()];
        score(&mut scores, &values(&pool, |c| u8::from(c.product_kept())), (2, 2));
        score(&mut scores, &values(&pool, |c| u8::from(c.completeable())), (3, 3));
        score(&mut scores, &values(&pool, Candidate::valid), (2, 2));
        score(
            &mut scores,
            &values(&pool, |c| std::cmp::Reverse(c.remaining())),
            (2, 2),
        );
        let ends: Vec<_> = pool
            .iter()
            .map(|c| c.forecast.earliest.map(std::cmp::Reverse))
            .collect();
        score(&mut scores, &ends, (1, 1));
        return pick(pool, &scores);
    }
    if let Some(place) = pool.iter().position(|c| c.series.default) {
        return Some(pool.swap_remove(place));
    }
    let mut scores = vec![0; pool.len()];
    let starts: Vec<_> = pool
        .iter()
        .map(|c| c.forecast.earliest.map(std::cmp::Reverse))
        .collect();
    score(&mut scores, &starts, (1, 1));
    score(&mut scores, &values(&pool, |c| u8::from(c.completeable())), (1, 1));
    score(&mut scores, &values(&pool, |c| u8::from(!c.series.product)), (1, 1));
    pick(pool, &scores)
}

fn values<'a, T>(pool: &[Candidate<'a>], of: impl Fn(&Candidate<'a>) -> T) -> Vec<Option<T>> {
    pool.iter().map(|c| Some(of(c))).collect()
}

fn pick<'a>(pool: Vec<Candidate<'a>>, scores: &[i32]) -> Option<Candidate<'a>> {
    pool.into_iter()
        .zip(scores)
        .min_by_key(|(c, score)| (-**score, c.series.preference))
        .map(|(candidate, _)| candidate)
}

/// The series to go by across series groups. A series is not needed when a series that protects as well is complete; a
/// series for the person's own risk goes before the one for everybody.
pub(super) fn best_overall<'a>(mut bests: Vec<Candidate<'a>>, person: &Recipient) -> Option<Candidate<'a>> {
    let old_enough = |c: &Candidate<'_>| c.series.min_start.is_none_or(|p| person.date >= p.after(person.birth));
    let useful = |c: &Candidate<'_>| c.valid() > 0 || old_enough(c);
    if bests.iter().any(useful) {
        bests.retain(useful);
    }
    let done: Vec<String> = bests
        .iter()
        .filter(|c| c.complete())
        .map(|c| c.series.group.clone())
        .collect();
    bests.retain(|c| c.complete() || !c.series.equivalent.iter().any(|group| done.contains(group)));
    let at_risk = bests
        .iter()
        .any(|c| c.series.kind == SeriesKind::Risk && c.completeable());
    bests.retain(|c| !at_risk || c.series.kind == SeriesKind::Risk);
    bests.into_iter().min_by_key(|c| {
        let rank = match c.forecast.standing {
            Standing::Contraindicated => 0,
            Standing::NotComplete => 1,
            Standing::Immune | Standing::Complete => 2,
            Standing::AgedOut => 3,
        };
        (
            rank,
            c.forecast.recommended,
            c.series.kind == SeriesKind::Standard,
            c.series.preference,
        )
    })
}
