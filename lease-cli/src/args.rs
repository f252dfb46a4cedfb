//! The arguments.

#[cfg(unix)]
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

/// Shows Leases and the scheduled tasks of lease-runtime, operates the tasks, and moves the leadership.
#[derive(Debug, Parser)]
#[command(name = "kubectl lease-runtime", version)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which cluster and which namespace.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The namespace. That of the context if it is not set
    #[arg(short, long, global = true)]
    pub(crate) namespace: Option<String>,
    /// All namespaces, for `list` and `timers`
    #[arg(short = 'A', long, global = true, conflicts_with = "namespace")]
    pub(crate) all_namespaces: bool,
    /// The context of the kubeconfig. Its current context if it is not set
    #[arg(long, global = true)]
    pub(crate) context: Option<String>,
    /// The kubeconfig. KUBECONFIG, ~/.kube/config or the service account of the pod if it is not set
    #[arg(long, global = true)]
    pub(crate) kubeconfig: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists Leases: who holds each, since when, and its scheduled tasks
    List {
        /// Takes no lease. Here only for an error that says what does
        #[arg(hide = true)]
        lease: Option<String>,
        /// The form of the output
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
        /// Shows each change, until it is ended
        #[arg(short, long, conflicts_with = "output")]
        watch: bool,
    },
    /// Lists scheduled tasks, the next one to run first
    Timers {
        /// The form of the output
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Shows one Lease with everything that is known about its tasks
    Describe {
        /// The name of the Lease, or `namespace/name`
        lease: String,
        /// The form of the output
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Looks for what keeps Leases from being led, and says what to do
    Doctor {
        /// The names of the Leases, or `namespace/name`. All of the namespace if no name is given
        leases: Vec<String>,
        /// Checks the permissions of this service account of the namespace, and not those of the user of this command
        #[arg(long)]
        as_service_account: Option<String>,
    },
    /// Asks the holder of a Lease to give it up, for any other candidate
    StepDown {
        #[command(flatten)]
        asked: HandoverArguments,
    },
    /// Asks the holder of a Lease to give it up for a certain candidate
    Transfer {
        #[command(flatten)]
        asked: HandoverArguments,
        /// The identity of the candidate that is to lead, as it is logged and as the Lease names it while it leads
        #[arg(long)]
        to: String,
    },
    #[command(flatten)]
    Operate(Operation),
    /// Runs a program while this process holds a lease
    #[cfg(unix)]
    Exec(ExecArguments),
    /// Kills its process group when the process that started it is gone
    #[cfg(unix)]
    #[command(name = crate::exec::guard::ARGUMENT, hide = true)]
    Guard,
}

/// The arguments of `exec`.
#[cfg(unix)]
#[derive(Debug, Args)]
pub(crate) struct ExecArguments {
    /// The name of the Lease
    #[arg(long)]
    pub(crate) lease: String,
    /// How long the program may take to end after SIGTERM, before it is killed
    #[arg(long, default_value = "10s")]
    pub(crate) grace: String,
    /// How long others wait for a holder that is silent, in whole seconds. 15s if it is not set
    #[arg(long)]
    pub(crate) lease_duration: Option<String>,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<OsString>,
}

/// Which Lease changes hands, and how long to wait for it.
#[derive(Debug, Args)]
pub(crate) struct HandoverArguments {
    /// The name of the Lease, or `namespace/name`
    pub(crate) lease: String,
    #[command(flatten)]
    pub(crate) wait: Wait,
}

/// How long to wait.
#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// How long to wait until another candidate leads
    #[arg(long, default_value = "60s")]
    pub(crate) timeout: String,
    /// Do not wait: end when the request is written
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// A request to a scheduled task.
#[derive(Debug, Subcommand)]
pub(crate) enum Operation {
    /// Pauses a task: its ticks are counted and not run
    Pause {
        #[command(flatten)]
        target: Target,
        /// Why, for people
        reason: String,
    },
    /// Resumes a task that is paused
    Resume {
        #[command(flatten)]
        target: Target,
    },
    /// Runs a task once now
    Trigger {
        #[command(flatten)]
        target: Target,
        /// Names this run. The same id again does nothing
        id: String,
    },
    /// Runs the ticks of a period in the past once more
    Backfill {
        #[command(flatten)]
        target: Target,
        /// The first time, such as 2026-11-01T00:00:00Z
        from: Timestamp,
        /// The last time, such as 2026-11-07T23:59:59Z
        to: Timestamp,
    },
}

/// The task of an operation.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The name of the Lease, or `namespace/name`
    pub(crate) lease: String,
    /// The name of the task
    pub(crate) task: String,
    /// Also accept a task that has no record in the Lease
    #[arg(long)]
    pub(crate) unrecorded: bool,
}

/// The form of the output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum Output {
    /// Columns
    #[default]
    Table,
    /// JSON
    Json,
    /// YAML
    Yaml,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }
}
