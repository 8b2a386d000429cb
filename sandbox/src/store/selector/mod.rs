//! Label and field selectors: reading their text and asking objects.

mod fields;
mod labels;

use super::Object;
use crate::kinds::Kind;
use crate::status::Status;
use fields::FieldTerm;
use labels::{Requirement, Test};
use serde_json::Value;
use smol_str::SmolStr;
use std::sync::Arc;

/// Which objects are meant; empty means all.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<FieldTerm>,
    /// What the fields are those of; none without field terms.
    kind: Option<Arc<Kind>>,
}

impl Selector {
    /// Reads `labelSelector` and `fieldSelector` as they stand in a query.
    ///
    /// # Errors
    /// 400 when a selector cannot be read. Whether the kind offers the fields, [`Selector::check_fields`] tells.
    pub fn parse(kind: &Arc<Kind>, labels: &str, fields: &str) -> Result<Self, Status> {
        let labels = labels::parse(labels).map_err(Status::bad_request)?;
        let fields = fields::parse(fields).map_err(Status::bad_request)?;
        let kind = (!fields.is_empty()).then(|| Arc::clone(kind));
        Ok(Self { labels, fields, kind })
    }

    /// Refuses fields that the kind does not offer.
    ///
    /// # Errors
    /// 400 about the first of them.
    pub fn check_fields(&self) -> Result<(), Status> {
        let Some(kind) = &self.kind else { return Ok(()) };
        self.fields
            .iter()
            .try_for_each(|term| fields::supported(kind, &term.label))
            .map_err(Status::bad_request)
    }

    /// Reads a label selector alone.
    ///
    /// # Errors
    /// 400 when it cannot be read.
    pub fn labels(text: &str) -> Result<Self, Status> {
        Ok(Self { labels: labels::parse(text).map_err(Status::bad_request)?, ..Self::default() })
    }

    /// A `LabelSelector` object; none when it is null or cannot be read. An empty one means every object.
    pub fn of_label_selector(selector: &Value) -> Option<Self> {
        let values = |expression: &Value| -> Vec<SmolStr> {
            let list = expression["values"].as_array().into_iter().flatten();
            list.filter_map(|value| value.as_str().map(SmolStr::new)).collect()
        };
        let selector = selector.as_object()?;
        let mut labels = Vec::new();
        for (key, value) in selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten() {
            labels.push(Requirement { key: key.into(), test: Test::In(vec![value.as_str()?.into()]) });
        }
        let expressions = selector.get("matchExpressions").and_then(Value::as_array);
        for expression in expressions.into_iter().flatten() {
            let test = match expression["operator"].as_str()? {
                "In" => Test::In(values(expression)),
                "NotIn" => Test::NotIn(values(expression)),
                "Exists" => Test::Exists,
                "DoesNotExist" => Test::Absent,
                _ => return None,
            };
            labels.push(Requirement { key: expression["key"].as_str()?.into(), test });
        }
        Some(Self { labels, ..Self::default() })
    }

    /// Whether it means objects with these labels, given as a JSON object.
    pub fn matches_tree(&self, labels: &Value) -> bool {
        self.labels.iter().all(|requirement| requirement.matches(labels[requirement.key.as_str()].as_str()))
    }

    /// Whether it means every object.
    pub fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// The single name it asks for, if it does.
    pub fn exact_name(&self) -> Option<&str> {
        self.exact("metadata.name")
    }

    /// The single namespace it asks for, if it does.
    pub fn exact_namespace(&self) -> Option<&str> {
        self.exact("metadata.namespace")
    }

    fn exact(&self, label: &str) -> Option<&str> {
        self.fields.iter().find(|t| t.equal && t.label == label).map(|t| t.value.as_str())
    }

    /// Whether labels are meant; fields are not looked at.
    pub(crate) fn means(&self, labels: &[(SmolStr, SmolStr)]) -> bool {
        let value =
            |key: &str| labels.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str());
        self.labels.iter().all(|r| r.matches(value(&r.key)))
    }

    /// Whether an object is meant.
    pub fn matches(&self, object: &Object) -> bool {
        self.means(object.labels())
            && self.kind.as_deref().is_none_or(|kind| self.fields.iter().all(|t| t.matches(kind, object)))
    }
}

#[cfg(test)]
mod tests;
