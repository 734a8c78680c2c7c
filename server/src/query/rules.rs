//! The alert rules in force, and which values they compare: in JSON's words.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Query, QueryError, seen::Seen};
use crate::{
    alert::{Condition, Over, Rule},
    live::{HostView, RulesInForce},
    model::{ColumnSet as _, Severity},
};

/// The alert rules in force.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RulesPage {
    /// Their file; `null` when they are those that come along.
    pub source: Option<Arc<str>>,
    /// In the order of the file.
    pub rules: Vec<RuleShape>,
}

/// An alert rule.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RuleShape {
    /// Its name.
    pub name: Arc<str>,
    /// What it is judged over: `host`, the rows of a table such as `filesystem`, or `server`.
    pub over: &'static str,
    /// How much its alarms matter while `critical` does not hold.
    pub severity: Severity,
    /// When it holds, as it stands in the file.
    pub when: Arc<str>,
    /// When it is over, as it stands in the file; `null` when that is when `when` does not hold.
    pub clear: Option<Arc<str>>,
    /// When it is critical, as it stands in the file.
    pub critical: Option<Arc<str>>,
    /// The host-wide column whose value it shows; `null` for a row's, and for what is calculated.
    pub column: Option<&'static str>,
    /// What `when` compares that column with, in its unit; `null` where that is not written as a number.
    pub threshold: Option<f64>,
    /// What `critical` compares it with.
    pub critical_threshold: Option<f64>,
    /// Where it is written what to do.
    pub runbook: Option<Arc<str>>,
}

/// The name of the host-wide column whose value a rule shows.
pub(super) fn column_of(rule: &Rule) -> Option<&'static str> {
    rule.column().map(|column| column.spec().name)
}

impl From<&Rule> for RuleShape {
    fn from(rule: &Rule) -> Self {
        let text =
            |condition: Option<&Condition>| condition.map(|condition| Arc::clone(&condition.text));
        let column = column_of(rule);
        let [threshold, critical_threshold] = column.map(|_| rule.thresholds()).unwrap_or_default();
        Self {
            name: Arc::clone(&rule.name),
            over: rule.over.as_str(),
            severity: rule.terms.severity,
            when: Arc::clone(&rule.when.text),
            clear: text(rule.clear.as_ref()),
            critical: text(rule.critical.as_ref()),
            column,
            threshold,
            critical_threshold,
            runbook: rule.runbook.clone(),
        }
    }
}

/// Whether a rule is judged on a host.
fn is_on(rule: &Rule, host: &HostView) -> bool {
    rule.over != Over::Server && rule.hosts.matches(&host.name, host.group.as_ref(), &host.labels)
}

impl Query {
    /// The rules in force; those that are judged on a host when one is named, which may be the server itself.
    ///
    /// # Errors
    /// [`QueryError`]: no host is called so.
    pub async fn rules(&self, host: Option<&str>) -> Result<RulesPage, QueryError> {
        let server = self.live.as_ref().map(Seen::server).unwrap_or_default();
        let in_force = server.alerts.as_deref();
        let all: &[Arc<Rule>] = in_force.map_or(&[], |in_force| &in_force.rules.list);
        let rules = all.iter().map(|rule| &**rule);
        let rules: Vec<RuleShape> = match host {
            None => rules.map(RuleShape::from).collect(),
            Some(name) if self.means_server(name) => {
                rules.filter(|rule| rule.over == Over::Server).map(RuleShape::from).collect()
            }
            Some(name) => match self.live.as_ref().and_then(|live| live.host(name)) {
                Some(view) => {
                    rules.filter(|rule| is_on(rule, &view)).map(RuleShape::from).collect()
                }
                // No rule is judged on one that is retired.
                None => self.kept_host(name).await.map(|_| Vec::new())?,
            },
        };
        let source = in_force.and_then(|RulesInForce { source, .. }| source.clone());
        Ok(RulesPage { source, rules })
    }
}
