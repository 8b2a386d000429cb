//! A cluster leaves the machine as it found it, however it ends, and clusters do not disturb one another.
//!
//! A suite of its own: it compares the machine before and after, while no other cluster comes or goes. It drives the
//! program that people start clusters with.

mod machine;
mod program;

use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};

use machine::Machine;
use program::Program;

/// One comparison at a time.
static TURN: Mutex<()> = Mutex::new(());

v9s_testkit::node_test! {
    fn two_clusters_run_side_by_side_and_leave_nothing() -> Result<()> {
        let _turn = TURN.lock();
        let program = Program::new()?;
        let before = Machine::look(&program)?;

        let (one, two) = std::thread::scope(|scope| {
            let other = scope.spawn(|| program.up("two"));
            let one = program.up("one");
            (one, other.join().expect("the thread does not panic"))
        });
        let (one, two) = (one?, two?);
        assert_ne!(one.server()?, two.server()?);
        // The same names, the same image, and pods that run: neither takes the other's for its own.
        for cluster in [&one, &two] {
            cluster.run_pod("greeter", &format!("echo {}; sleep 100000", cluster.name))?;
        }
        for cluster in [&one, &two] {
            assert_eq!(cluster.kubectl(&["logs", "greeter"])?, format!("{}\n", cluster.name));
            assert_eq!(cluster.kubectl(&["exec", "greeter", "--", "hostname"])?, "greeter\n");
        }
        let listed = program.run(&["list"])?;
        for cluster in [&one, &two] {
            let line = format!("{}\tready\t{}", cluster.name, cluster.kubeconfig.display());
            assert!(listed.lines().any(|listed| listed == line), "{listed}");
        }
        // What is to be gone at the end is seen while it is there.
        let running = Machine::look(&program)?.new_since(&before);
        for kind in ["process", "control group", "link", "address", "route", "entry"] {
            assert!(running.iter().any(|line| line.starts_with(kind)), "no {kind} in {running:#?}");
        }

        // One is told to end, the other's process is killed.
        program.run(&["down", "one"])?;
        assert_eq!(two.kubectl(&["exec", "greeter", "--", "hostname"])?, "greeter\n");
        two.kill_runner()?;
        program.wait_for_guards()?;
        assert_eq!(program.run(&["list"])?, format!("two\tdead\t{}\n", two.kubeconfig.display()));
        program.run(&["down", "two"])?;
        let traces = Machine::look(&program)?.new_since(&before);
        ensure!(traces.is_empty(), "left behind:\n{}", traces.join("\n"));
        Ok(())
    }
}

v9s_testkit::node_test! {
    fn the_next_start_removes_what_a_killed_one_has_left() -> Result<()> {
        let _turn = TURN.lock();
        let program = Program::new()?;
        let before = Machine::look(&program)?;

        let dead = program.up("dead")?;
        dead.run_pod("orphan", "sleep 100000")?;
        dead.kill_runner_and_guards()?;
        let left = Machine::look(&program)?;
        let orphan = left.processes().into_iter().find(|process| process.contains("sleep 100000"));
        let orphan = orphan.context("the pod ended without anybody ending it")?;

        let next = program.up("next")?;
        assert!(!Machine::look(&program)?.processes().contains(&orphan), "{orphan} still runs");
        next.run_pod("heir", "sleep 100000")?;
        program.run(&["down", "next"])?;
        program.run(&["down", "dead"])?;
        let traces = Machine::look(&program)?.new_since(&before);
        ensure!(traces.is_empty(), "left behind:\n{}", traces.join("\n"));
        Ok(())
    }
}

v9s_testkit::node_test! {
    fn a_start_that_is_killed_half_way_leaves_nothing() -> Result<()> {
        let _turn = TURN.lock();
        let program = Program::new()?;
        let before = Machine::look(&program)?;
        // No other cluster runs, so it is the first.
        let stages = [
            "/sys/class/net/v9s0",
            "/var/lib/v9s-clusters/v9s0/node-1/run/containerd/containerd.sock",
            "/var/lib/v9s-clusters/v9s0/node-1/kubelet.log",
        ];
        for stage in stages {
            program.kill_start_at(Path::new(stage))?;
            program.wait_for_guards()?;
            let traces = Machine::look(&program)?.new_since(&before);
            ensure!(traces.is_empty(), "left behind when killed at {stage}:\n{}", traces.join("\n"));
        }
        Ok(())
    }
}
