//! stub
use super::{PreventiveItem, RuleError, terms::{Facts, Terms}};
/// stub
#[derive(Debug, Clone)]
pub struct ScreeningRules;
impl ScreeningRules {
    pub(super) fn load(_terms: &Terms) -> Result<Self, RuleError> { Ok(Self) }
    pub(super) fn assess(&self, _facts: &Facts<'_>) -> Vec<PreventiveItem> { Vec::new() }
}
