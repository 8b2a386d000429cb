//! Schedules on a host: the API server takes them, their account may do what the job does and no more, and what they run is run.

use anyhow::{Context as _, Result, ensure};
use http::Request;
use serde_json::{Value, json};
use v9s_testkit::real::storage::{ACCESS_KEY, SECRET_KEY};

use crate::noted::{Ran, Tenant};
use crate::seat::storage;

const RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

impl Tenant {
    /// Has it backed up again and again.
    async fn schedule(&self, to: &str, more: &[&str]) -> Result<Ran> {
        let all = [
            "backup",
            "shop",
            "-n",
            &self.namespace,
            "--schedule",
            "0 3 * * *",
            "--time-zone",
            "Europe/Berlin",
            "--to",
            to,
            "--recipient",
            RECIPIENT,
            "--image",
            "registry.example/v9s:1",
        ];
        self.v9s(&[&all[..], more].concat()).await
    }

    /// An object, if it is there.
    async fn get(&self, path: &str) -> Result<Option<Value>> {
        let answer = self.host.client().request::<Value>(Request::get(path).body(Vec::new())?).await;
        match answer {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn in_group(&self, group: &str, kind: &str, name: &str) -> String {
        format!("{group}/namespaces/{}/{kind}/{name}", self.namespace)
    }

    fn cron_job(&self) -> String {
        self.in_group("/apis/batch/v1", "cronjobs", "v9s-backup-shop")
    }

    /// Which of its objects are there.
    async fn there(&self) -> Result<Vec<&'static str>> {
        let rbac = "/apis/rbac.authorization.k8s.io/v1";
        let mut there = Vec::new();
        for (group, kind) in [
            ("/apis/batch/v1", "cronjobs"),
            (rbac, "roles"),
            (rbac, "rolebindings"),
            ("/api/v1", "serviceaccounts"),
        ] {
            if self.get(&self.in_group(group, kind, "v9s-backup-shop")).await?.is_some() {
                there.push(kind);
            }
        }
        Ok(there)
    }

    fn account(&self) -> String {
        format!("system:serviceaccount:{}:v9s-backup-shop", self.namespace)
    }

    /// Whether its account may do something, by the API server's word.
    async fn may(
        &self,
        verb: &str,
        group: &str,
        resource: &str,
        namespace: &str,
        name: &str,
    ) -> Result<bool> {
        let (resource, sub) = resource.split_once('/').unwrap_or((resource, ""));
        let groups = ["system:serviceaccounts", "system:authenticated"];
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {"user": self.account(), "groups": groups, "resourceAttributes": {
                "verb": verb, "group": group, "resource": resource, "subresource": sub,
                "namespace": namespace, "name": name}},
        });
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let request = Request::post(path).header("content-type", "application/json");
        let answer: Value = self.host.client().request(request.body(serde_json::to_vec(&review)?)?).await?;
        Ok(answer["status"]["allowed"] == json!(true))
    }
}

v9s_testkit::both_hosts! {
    async fn a_schedule_is_put_on_a_host_and_taken_away_again(host: Host) -> Result<()> {
        let tenant = Tenant::on(host).await?;
        let to = "s3://backups/eu?url=https://minio.example";
        let flags = ["--jitter", "15m", "--keep", "7", "--keep-for", "30d", "--rpo", "24h", "--credentials-from-secret", "minio"];
        let tried = tenant.schedule(to, &[&flags[..], &["--dry-run"]].concat()).await?;
        assert_eq!(tried.code, Some(0), "{}{}", tried.out, tried.err);
        ensure!(tried.out.contains("would be made"), "{}", tried.out);
        assert_eq!(tenant.there().await?, [""; 0]);
        let unasked = tenant.schedule(to, &flags).await?;
        ensure!(unasked.code == Some(1) && unasked.err.contains("--yes"), "{}", unasked.err);

        let made = tenant.schedule(to, &[&flags[..], &["--yes"]].concat()).await?;
        assert_eq!(made.code, Some(0), "{}{}", made.out, made.err);
        assert_eq!(tenant.there().await?, ["cronjobs", "roles", "rolebindings", "serviceaccounts"]);
        let job = tenant.get(&tenant.cron_job()).await?.context("no CronJob")?;
        assert_eq!((&job["spec"]["timeZone"], &job["spec"]["concurrencyPolicy"]), (&json!("Europe/Berlin"), &json!("Forbid")));
        let container = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["envFrom"], json!([{"secretRef": {"name": "minio"}}]));
        assert_eq!(tenant.listed().await?["backup"]["objectiveSeconds"], json!(86_400), "before any run");
        let again = tenant.schedule(to, &["--yes", "-o", "json"]).await?;
        ensure!(again.code == Some(0) && !again.out.contains("is made"), "{}{}", again.out, again.err);

        let listed = tenant.v9s(&["backup", "schedules", "-n", &tenant.namespace, "-o", "json"]).await?;
        let all: Value = serde_json::from_str(&listed.out)?;
        assert_eq!((&all[0]["name"], &all[0]["timeZone"], &all[1]), (&json!("v9s-backup-shop"), &json!("Europe/Berlin"), &Value::Null));

        let gone = tenant.v9s(&["backup", "shop", "-n", &tenant.namespace, "--unschedule"]).await?;
        assert_eq!((gone.code, gone.out.lines().count()), (Some(0), 4), "{}{}", gone.out, gone.err);
        assert_eq!(tenant.there().await?, [""; 0]);
        let nothing = tenant.v9s(&["backup", "shop", "-n", &tenant.namespace, "--unschedule"]).await?;
        ensure!(nothing.code == Some(0) && nothing.out.contains("there is no schedule"), "{}", nothing.out);
        Ok(())
    }

    async fn what_somebody_else_has_under_that_name_is_left_alone(host: Host) -> Result<()> {
        let tenant = Tenant::on(host).await?;
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "v9s-backup-shop", "namespace": tenant.namespace}});
        v9s_testkit::objects::create(&tenant.host.client(), &account).await?;
        let refused = tenant.schedule("s3://b", &["--yes"]).await?;
        ensure!(refused.code == Some(1) && refused.err.contains("left alone"), "{}{}", refused.out, refused.err);
        let kept = tenant.v9s(&["backup", "shop", "-n", &tenant.namespace, "--unschedule"]).await?;
        ensure!(kept.code == Some(1) && kept.err.contains("left alone"), "{}{}", kept.out, kept.err);
        assert_eq!(tenant.there().await?, ["serviceaccounts"]);
        Ok(())
    }

    async fn its_account_may_do_what_the_job_does_and_no_more(host: Host) -> Result<()> {
        let tenant = Tenant::on(host).await?;
        let made = tenant.schedule("s3://b", &["--yes"]).await?;
        assert_eq!(made.code, Some(0), "{}{}", made.out, made.err);
        let here = tenant.namespace.as_str();
        for (verb, group, resource, namespace, name, expected) in [
            ("list", "", "secrets", here, "", true),
            ("get", "", "secrets", here, "shop-certs", true),
            ("list", "apps", "statefulsets", here, "", true),
            ("create", "", "pods/portforward", here, "shop-0", true),
            ("patch", "apps", "statefulsets", here, "shop", true),
            ("patch", "apps", "statefulsets", here, "other", false),
            ("update", "apps", "statefulsets", here, "shop", false),
            ("delete", "apps", "statefulsets", here, "shop", false),
            ("patch", "", "secrets", here, "shop-certs", false),
            ("delete", "", "secrets", here, "shop-certs", false),
            ("create", "", "pods", here, "", false),
            ("create", "", "pods/exec", here, "shop-0", false),
            ("create", "", "serviceaccounts/token", here, "default", false),
            ("list", "", "secrets", "kube-system", "", false),
            ("list", "", "nodes", "", "", false),
            ("list", "apps", "statefulsets", "", "", false),
        ] {
            let may = tenant.may(verb, group, resource, namespace, name).await?;
            assert_eq!(may, expected, "{verb} {resource} {name} in {namespace:?}");
        }
        Ok(())
    }

    async fn what_the_job_says_is_done_as_its_account(host: Host) -> Result<()> {
        let tenant = Tenant::on(host).await?;
        let storage = storage().await?;
        let to = format!("s3://fleet/eu?url={}&region=us-east-1", storage.url());
        let made = tenant.schedule(&to, &["--yes", "--jitter", "1s", "--keep", "1"]).await?;
        assert_eq!(made.code, Some(0), "{}{}", made.out, made.err);
        let job = tenant.get(&tenant.cron_job()).await?.context("no CronJob")?;
        let words = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"];
        let mut words: Vec<String> = serde_json::from_value(words.clone())?;
        words.extend(["--as".to_owned(), tenant.account()]);
        words.extend(["--as-group", "system:serviceaccounts", "--as-group", "system:authenticated"].map(str::to_owned));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let credentials = [("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)];

        let mut files = Vec::new();
        for _ in 0..2 {
            let ran = tenant.v9s_with(&credentials, &words).await?;
            assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
            let report: Value = serde_json::from_str(&ran.out)?;
            let left: Vec<&Value> = report["left"].as_array().into_iter().flatten().map(|left| &left["what"]).collect();
            ensure!(!left.iter().any(|what| what.as_str().is_some_and(|what| what.contains("note"))), "{report:#}");
            files.push((report["result"]["card"]["file"].clone(), report["result"]["gone"].clone()));
        }
        let [(first, _), (second, gone)] = &files[..] else { panic!("{files:?}") };
        assert_eq!(gone, &json!([first]), "the first is not kept");
        let listed = tenant.listed().await?;
        assert_eq!(&listed["backup"]["lastGood"]["file"], second, "{listed:#}");
        ensure!(!listed.to_string().contains(SECRET_KEY));
        // What it may do ends with the schedule.
        tenant.v9s(&["backup", "shop", "-n", &tenant.namespace, "--unschedule"]).await?;
        let ran = tenant.v9s_with(&credentials, &words).await?;
        ensure!(ran.code != Some(0), "{}", ran.out);
        Ok(())
    }
}

#[tokio::test]
async fn a_schedule_that_cannot_be_meant_is_refused_before_any_cluster_is_asked() -> Result<()> {
    let home = tempfile::tempdir()?;
    let good = [
        "backup",
        "shop",
        "-n",
        "team",
        "--schedule",
        "0 3 * * *",
        "--to",
        "s3://b",
        "--recipient",
        RECIPIENT,
        "--image",
        "v9s:1",
        "--print",
    ];
    let v9s = async |words: &[&str]| {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_v9s"))
            .args(words)
            .env_clear()
            .env("HOME", home.path())
            .output()
            .await?;
        anyhow::Ok((
            output.status.code(),
            String::from_utf8(output.stdout)?,
            String::from_utf8(output.stderr)?,
        ))
    };
    let (code, printed, err) = v9s(&good).await?;
    assert_eq!(code, Some(0), "{err}");
    ensure!(printed.matches("---\n").count() == 3 && printed.contains("kind: CronJob"), "{printed}");
    for (from, to, code, word) in [
        ("0 3 * * *", "0 3 * *", 2, "five"),
        ("0 3 * * *", "61 3 * * *", 2, "minute"),
        ("s3://b", "/backups", 1, "--claim"),
        ("s3://b", "s3://b?profile=x", 1, "--credentials-from-secret"),
        ("--image", "--claim", 1, "--image"),
        (RECIPIENT, "age1x", 1, "age1x"),
        ("shop", "-A", 2, ""),
    ] {
        let words: Vec<&str> = good.iter().map(|word| if *word == from { to } else { word }).collect();
        let (ended, _, err) = v9s(&words).await?;
        ensure!(ended == Some(code) && err.contains(word), "{from} → {to}: {ended:?} {err}");
    }
    let zone = v9s(&[&good[..], &["--time-zone", "europe/berlin"]].concat()).await?;
    ensure!(zone.0 == Some(2) && zone.2.contains("Europe/Berlin"), "{}", zone.2);
    Ok(())
}
