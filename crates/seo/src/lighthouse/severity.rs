use super::result::{Audit, Category};
use crate::Severity;

/// From this score on an audit is passed (Lighthouse's own bound of green).
pub(super) const PASSED: f64 = 0.9;
/// Below this score an audit is red, else amber.
const RED: f64 = 0.5;

/// How bad it is that `audit` failed.
///
/// Accessibility audits say it themselves (axe's impact). Others have a weight in their categories: what makes up a
/// quarter of a category is critical, a tenth an error; what does not count is but information. Amber is one step
/// milder than red.
pub(super) fn of(audit: &Audit, id: &str, categories: &[(String, Category)]) -> Severity {
    let debug = audit.details.0.as_ref().and_then(|details| details.debug_data.0.as_ref());
    if let Some(severity) = debug.and_then(|debug| of_impact(debug.impact.0.as_deref()?)) {
        return severity;
    }
    let is_red = audit.score.is_some_and(|score| score < RED);
    let shares = categories.iter().map(|(_, category)| share(category, id));
    of_share(shares.fold(0.0, f64::max), is_red)
}

fn of_impact(impact: &str) -> Option<Severity> {
    match impact {
        "critical" => Some(Severity::Critical),
        "serious" => Some(Severity::Error),
        "moderate" => Some(Severity::Warning),
        "minor" => Some(Severity::Info),
        _ => None,
    }
}

/// The part that the audit has of its category's score.
fn share(category: &Category, id: &str) -> f64 {
    let all: f64 = category.audit_refs.kept.iter().map(|audit| audit.weight.max(0.0)).sum();
    let own = category.audit_refs.kept.iter().find(|audit| audit.id == id).map_or(0.0, |audit| audit.weight);
    if all > 0.0 { own / all } else { 0.0 }
}

fn of_share(share: f64, is_red: bool) -> Severity {
    let steps = [(0.25, Severity::Critical), (0.1, Severity::Error), (f64::MIN_POSITIVE, Severity::Warning)];
    let red = steps.into_iter().find(|(least, _)| share >= *least).map_or(Severity::Info, |(_, severity)| severity);
    match (is_red, red) {
        (true, severity) => severity,
        (false, Severity::Critical) => Severity::Error,
        (false, Severity::Error) => Severity::Warning,
        (false, Severity::Warning | Severity::Info) => Severity::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weight_and_colour_make_the_severity() {
        for (share, red, amber) in [
            (0.31, Severity::Critical, Severity::Error),
            (0.1, Severity::Error, Severity::Warning),
            (0.02, Severity::Warning, Severity::Info),
            (0.0, Severity::Info, Severity::Info),
        ] {
            assert_eq!((of_share(share, true), of_share(share, false)), (red, amber), "{share}");
        }
    }
}
