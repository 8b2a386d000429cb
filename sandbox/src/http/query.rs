//! Query parameters.

use crate::status::{FieldError, Status};

/// The parameters of a request, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(text.unwrap_or_default().as_bytes());
        Self(pairs.map(|(key, value)| (key.into_owned(), value.into_owned())).collect())
    }

    /// The first value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter, empty when it is not given.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// All parameters with their values.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// All values of a parameter.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Asks for the object of this name, beside whatever fields are asked for.
    pub(crate) fn select_name(&mut self, name: &str) {
        let own = format!("metadata.name={name}");
        match self.0.iter_mut().find(|(key, _)| key == "fieldSelector") {
            Some((_, fields)) => *fields = format!("{fields},{own}"),
            None => self.0.push(("fieldSelector".to_owned(), own)),
        }
    }

    /// A switch: given and neither `false` nor `0`, in any case.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.switch(name).unwrap_or(false)
    }

    /// A switch, if it is given.
    pub(crate) fn switch(&self, name: &str) -> Option<bool> {
        self.get(name).map(|value| !matches!(value.to_ascii_lowercase().as_str(), "false" | "0"))
    }

    /// A number, if it is given.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Status> {
        match self.get(name) {
            None | Some("") => Ok(None),
            Some(text) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => {
                    Err(Status::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax")))
                }
            },
        }
    }

    /// Whether the write is only to be checked.
    pub(crate) fn dry_run(&self, options_kind: &str) -> Result<bool, Status> {
        let values: Vec<&str> = self.all("dryRun").filter(|value| !value.is_empty()).collect();
        if values.iter().any(|value| *value != "All") {
            let error = FieldError::not_among("dryRun", serde_json::json!(values), &["All"]);
            return Err(Status::invalid("meta.k8s.io", options_kind, "", vec![error]));
        }
        Ok(!values.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_typed() {
        let query = Query::parse(Some("labelSelector=a%3Db%2Cc&watch=1&limit=5&follow=False&bad=x&empty="));
        assert_eq!(query.text("labelSelector"), "a=b,c");
        assert!(query.flag("watch"));
        assert_eq!(query.switch("follow"), Some(false));
        assert_eq!(query.switch("missing"), None);
        assert_eq!(query.number::<u64>("limit"), Ok(Some(5)));
        assert_eq!(query.number::<u64>("empty"), Ok(None));
        assert_eq!(query.number::<u64>("bad").unwrap_err().code, 400);
        assert_eq!(Query::parse(Some("dryRun=All")).dry_run("CreateOptions"), Ok(true));
        assert_eq!(Query::parse(Some("dryRun=some")).dry_run("CreateOptions").unwrap_err().code, 422);
    }
}
