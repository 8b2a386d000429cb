//! Environment variables by which containers find Services, as kubelets make them. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::references::items;

/// A Service as containers learn of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertised {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Name, number, protocol.
    pub ports: Vec<(Option<String>, u64, String)>,
}

impl Advertised {
    /// A Service that has an address of its own.
    pub fn read(name: &str, spec: &Value) -> Option<Self> {
        let address =
            spec["clusterIP"].as_str().filter(|address| !address.is_empty() && *address != "None")?;
        let ports = items(spec, "ports").map(|port| {
            let protocol = port["protocol"].as_str().unwrap_or("TCP").to_owned();
            let name = port["name"].as_str().filter(|name| !name.is_empty()).map(str::to_owned);
            (name, port["port"].as_u64().unwrap_or_default(), protocol)
        });
        Some(Advertised { name: name.to_owned(), address: address.to_owned(), ports: ports.collect() })
    }

    /// The API server of the virtual cluster.
    pub fn api_server(address: &str) -> Self {
        let ports = vec![(Some("https".to_owned()), 443, "TCP".to_owned())];
        Advertised { name: "kubernetes".into(), address: address.to_owned(), ports }
    }

    /// The variables that kubelets make of a Service.
    fn variables(&self) -> Vec<(String, String)> {
        let prefix = variable_name(&self.name);
        let host = match self.address.contains(':') {
            true => format!("[{}]", self.address),
            false => self.address.clone(),
        };
        let mut variables = vec![(format!("{prefix}_SERVICE_HOST"), self.address.clone())];
        for (at, (name, port, protocol)) in self.ports.iter().enumerate() {
            let url = format!("{}://{host}:{port}", protocol.to_lowercase());
            if at == 0 {
                variables.push((format!("{prefix}_SERVICE_PORT"), port.to_string()));
                variables.push((format!("{prefix}_PORT"), url.clone()));
            }
            if let Some(name) = name {
                variables.push((format!("{prefix}_SERVICE_PORT_{}", variable_name(name)), port.to_string()));
            }
            let link = format!("{prefix}_PORT_{port}_{}", protocol.to_uppercase());
            variables.push((format!("{link}_PROTO"), protocol.to_lowercase()));
            variables.push((format!("{link}_PORT"), port.to_string()));
            variables.push((format!("{link}_ADDR"), self.address.clone()));
            variables.push((link, url));
        }
        variables
    }
}

/// The variables of Services, sorted by name. Where two Services make the same name, that of the first wins; the
/// virtual API server comes before all.
pub fn of_services<'a>(services: impl IntoIterator<Item = &'a Advertised>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for (name, value) in services.into_iter().flat_map(Advertised::variables) {
        variables.entry(name).or_insert(value);
    }
    variables
}

fn variable_name(of: &str) -> String {
    of.replace('-', "_").to_uppercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(name: &str, address: &str, ports: Value) -> Advertised {
        Advertised::read(name, &json!({"clusterIP": address, "ports": ports})).unwrap()
    }

    #[test]
    fn the_api_server_is_advertised_in_eight_variables() {
        let variables = of_services(&[Advertised::api_server("10.0.0.9")]);
        let expected = [
            ("KUBERNETES_PORT", "tcp://10.0.0.9:443"),
            ("KUBERNETES_PORT_443_TCP", "tcp://10.0.0.9:443"),
            ("KUBERNETES_PORT_443_TCP_ADDR", "10.0.0.9"),
            ("KUBERNETES_PORT_443_TCP_PORT", "443"),
            ("KUBERNETES_PORT_443_TCP_PROTO", "tcp"),
            ("KUBERNETES_SERVICE_HOST", "10.0.0.9"),
            ("KUBERNETES_SERVICE_PORT", "443"),
            ("KUBERNETES_SERVICE_PORT_HTTPS", "443"),
        ];
        assert_eq!(variables.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn services_of_colliding_names_give_the_same_variables_every_time() {
        let one = service("db", "10.0.0.1", json!([{"port": 5432}]));
        let other =
            service("db-port", "10.0.0.2", json!([{"name": "udp-53", "port": 53, "protocol": "UDP"}]));
        let variables = of_services([&one, &other]);
        assert_eq!(variables["DB_PORT"], "tcp://10.0.0.1:5432");
        assert_eq!(variables["DB_PORT_SERVICE_HOST"], "10.0.0.2");
        assert_eq!(variables["DB_PORT_SERVICE_PORT_UDP_53"], "53");
        assert_eq!(variables["DB_PORT_PORT_53_UDP"], "udp://10.0.0.2:53");
        assert_eq!(
            of_services([&service("v6", "fd00::1", json!([{"port": 80}]))])["V6_PORT"],
            "tcp://[fd00::1]:80"
        );
    }

    #[test]
    fn services_without_address_are_not_advertised() {
        for spec in [json!({"clusterIP": "None"}), json!({"type": "ExternalName"}), json!({"clusterIP": ""})]
        {
            assert_eq!(Advertised::read("x", &spec), None);
        }
    }
}
