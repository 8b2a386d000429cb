//! Services, endpoints, ingresses, policies.

use serde_json::Value;

use super::format::{or_none, some_of};
use super::{Printer, Row};

/// Most addresses, hosts and ports that a cell lists.
const SOME: usize = 3;

pub(super) const SERVICE: Printer = Printer {
    columns: &["=Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "+Selector"],
    row: |row| {
        let ports: Vec<String> = row.list("/spec/ports").iter().map(service_port).collect();
        vec![
            row.name(),
            row.text("/spec/type"),
            row.text_or("/spec/clusterIPs/0", "<none>"),
            external(row).into(),
            or_none(ports.join(",")).into(),
            row.age(),
            row.labels("/spec/selector"),
        ]
    },
};

fn service_port(port: &Value) -> String {
    let protocol = port["protocol"].as_str().unwrap_or_default();
    match port["nodePort"].as_i64() {
        Some(node) if node > 0 => format!("{}:{node}/{protocol}", port["port"]),
        _ => format!("{}/{protocol}", port["port"]),
    }
}

fn external(row: &Row<'_>) -> String {
    let addresses: Vec<&str> = row.list("/spec/externalIPs").iter().filter_map(Value::as_str).collect();
    match row.str("/spec/type") {
        "ClusterIP" | "NodePort" => or_none(addresses.join(",")),
        "LoadBalancer" => {
            let mut all = balancer(row);
            all.extend(addresses.iter().map(|&address| address.to_owned()));
            if all.is_empty() { "<pending>".to_owned() } else { all.join(",") }
        }
        "ExternalName" => row.str("/spec/externalName").to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

/// Addresses of a load balancer, ordered.
fn balancer(row: &Row<'_>) -> Vec<String> {
    let of =
        |ingress: &Value, key: &str| ingress[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let ingresses = row.list("/status/loadBalancer/ingress").iter();
    let mut all: Vec<String> =
        ingresses.filter_map(|ingress| of(ingress, "ip").or_else(|| of(ingress, "hostname"))).collect();
    all.sort();
    all.dedup();
    all
}

pub(super) const ENDPOINTS: Printer = Printer {
    columns: &["=Name", "Endpoints", "Age"],
    row: |row| vec![row.name(), endpoints(row).into(), row.age()],
};

fn endpoints(row: &Row<'_>) -> String {
    let mut all = Vec::new();
    for subset in row.list("/subsets") {
        let addresses = subset["addresses"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ips = addresses.iter().map(|address| address["ip"].as_str().unwrap_or_default());
        match subset["ports"].as_array().filter(|ports| !ports.is_empty()) {
            None => all.extend(ips.map(str::to_owned)),
            Some(ports) => {
                for port in ports {
                    all.extend(ips.clone().map(|ip| host_port(ip, &port["port"])));
                }
            }
        }
    }
    if row.count("/subsets") == 0 { "<none>".to_owned() } else { some_of(&all, SOME) }
}

fn host_port(ip: &str, port: &Value) -> String {
    if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
}

pub(super) const ENDPOINT_SLICE: Printer = Printer {
    columns: &["=Name", "AddressType", "Ports", "Endpoints", "Age"],
    row: |row| {
        let ports = row.list("/ports").iter().map(|port| match (&port["port"], port["name"].as_str()) {
            (Value::Number(number), _) => number.to_string(),
            (_, Some(name)) => name.to_owned(),
            _ => "*".to_owned(),
        });
        let ports: Vec<String> = ports.collect();
        let addresses = row.list("/endpoints").iter().flat_map(|endpoint| {
            let addresses = endpoint["addresses"].as_array().into_iter().flatten();
            addresses.filter_map(|address| address.as_str().map(str::to_owned))
        });
        let addresses: Vec<String> = addresses.collect();
        let list = |all: &[String]| if all.is_empty() { "<unset>".to_owned() } else { some_of(all, SOME) };
        vec![row.name(), row.text("/addressType"), list(&ports).into(), list(&addresses).into(), row.age()]
    },
};

pub(super) const INGRESS: Printer = Printer {
    columns: &["=Name", "Class", "Hosts", "Address", "Ports", "Age"],
    row: |row| {
        let hosts = row.list("/spec/rules").iter().filter_map(|rule| rule["host"].as_str());
        let hosts: Vec<String> = hosts.filter(|host| !host.is_empty()).map(str::to_owned).collect();
        let hosts = if hosts.is_empty() { "*".to_owned() } else { some_of(&hosts, SOME) };
        vec![
            row.name(),
            row.text_or("/spec/ingressClassName", "<none>"),
            hosts.into(),
            balancer(row).join(",").into(),
            if row.count("/spec/tls") > 0 { "80, 443" } else { "80" }.into(),
            row.age(),
        ]
    },
};

pub(super) const INGRESS_CLASS: Printer = Printer {
    columns: &["=Name", "Controller", "Parameters", "Age"],
    row: |row| {
        let default = row.str("/metadata/annotations/ingressclass.kubernetes.io~1is-default-class") == "true";
        let name = format!("{}{}", row.str("/metadata/name"), if default { " (default)" } else { "" });
        let parameters = match row.at("/spec/parameters") {
            None => "<none>".to_owned(),
            Some(_) => {
                let group = match row.str("/spec/parameters/apiGroup") {
                    "" => String::new(),
                    group => format!(".{group}"),
                };
                format!("{}{group}/{}", row.str("/spec/parameters/kind"), row.str("/spec/parameters/name"))
            }
        };
        vec![name.into(), row.text("/spec/controller"), parameters.into(), row.age()]
    },
};

pub(super) const POLICY: Printer = Printer {
    columns: &["=Name", "Pod-Selector", "Age"],
    row: |row| vec![row.name(), row.selector("/spec/podSelector"), row.age()],
};

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use serde_json::json;

    #[test]
    fn services_show_where_they_are_reached() {
        let cases = [
            (
                json!({"type": "ClusterIP", "clusterIPs": ["10.0.0.1"], "selector": {"app": "web"},
                    "ports": [{"port": 80, "protocol": "TCP"}, {"port": 443, "nodePort": 30443, "protocol": "TCP"}]}),
                ["ClusterIP", "10.0.0.1", "<none>", "80/TCP,443:30443/TCP"],
            ),
            (json!({"type": "LoadBalancer"}), ["LoadBalancer", "<none>", "<pending>", "<none>"]),
            (
                json!({"type": "ExternalName", "externalName": "a.example.org"}),
                ["ExternalName", "<none>", "a.example.org", "<none>"],
            ),
        ];
        for (spec, expected) in cases {
            assert_eq!(shown("svc", json!({"spec": spec}))[1..5], expected.map(|text| json!(text)));
        }
        let balanced = json!({"spec": {"type": "LoadBalancer"},
            "status": {"loadBalancer": {"ingress": [{"hostname": "b.example.org"}, {"ip": "1.2.3.4"}]}}});
        assert_eq!(shown("svc", balanced)[3], json!("1.2.3.4,b.example.org"));
    }

    #[test]
    fn endpoints_show_the_first_few() {
        let addresses: Vec<_> = (1..=4).map(|i| json!({"ip": format!("10.0.0.{i}")})).collect();
        let cells = shown("ep", json!({"subsets": [{"addresses": addresses, "ports": [{"port": 80}]}]}));
        assert_eq!(cells[1], json!("10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 1 more..."));
        assert_eq!(shown("ep", json!({}))[1], json!("<none>"));
    }
}
