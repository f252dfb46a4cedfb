//! What a fault does to a candidate that is `exec`: it is three processes, and they are not equal.
//!
//! A stop explains no overlap here. If `exec` is stopped, its guard kills the program in time, and if the program is stopped, it is
//! killed all the same. Only processor time is something that all three need.

use std::time::Duration;

use lease_tests::log::now;
use rustix::process::{Pid, Signal, getpgid};
use tokio::time::sleep;

use crate::candidate::program;
use crate::crew::{End, Member, send};
use crate::error::Result;
use crate::nemesis::{TAKEN_OVER, kill};
use crate::plan::{Fault, Kind, Part};
use crate::scene::Scene;

/// The ends of `exec` after its program, or its guard, was killed. The guard kills the program when `exec` is stopped or starved.
pub(crate) const PROGRAM_KILLED: [End; 2] = [End::Exit(128 + 9), End::Exit(1)];
/// The ends of `exec` after SIGTERM: with the code of the program, which may have been killed, or have had no time to prepare for SIGTERM.
pub(crate) const TERMINATED: [End; 3] = [End::Success, End::Exit(128 + 9), End::Exit(128 + 15)];

/// The processes of one candidate, while its program runs.
struct Parts {
    exec: u32,
    guard: u32,
    program: u32,
}

impl Parts {
    fn of(scene: &Scene, member: &Member) -> Option<Parts> {
        let exec = member.pid()?;
        let identity = program::identity(&member.name, exec);
        let newest = |event: &&lease_tests::log::Event| event.identity == identity && event.is("started");
        let program = scene.log.look(0, |events| events.iter().rev().find(newest).map(|event| event.pid))?;
        // As long as `exec` is there, its children keep their ids until it waits for them.
        let leader = getpgid(Pid::from_raw(i32::try_from(program).ok()?)).ok()?;
        let guard = leader.as_raw_nonzero().get().unsigned_abs();
        [guard, program].into_iter().all(|pid| runs_below(exec, pid)).then_some(Parts { exec, guard, program })
    }
}

/// Whether this process is a child of the other one, and has not ended.
fn runs_below(parent: u32, pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let Some((_, rest)) = stat.rsplit_once(") ") else { return false };
    let mut fields = rest.split_whitespace();
    fields.next().is_some_and(|state| state != "Z" && state != "X")
        && fields.next().and_then(|field| field.parse().ok()) == Some(parent)
}

/// Makes the fault happen, if it is one that differs from that of other candidates. Says whether it did.
pub(crate) async fn inflict(scene: &Scene, member: &Member, fault: &Fault) -> Result<bool> {
    let parts = Parts::of(scene, member);
    match (fault.kind, fault.part, parts) {
        (Kind::Pause, part, parts) => pause(scene, member, part, parts, fault.lasts).await,
        (Kind::PauseInPoll, _, Some(parts)) => until_replaced(scene, member, &parts, fault.lasts).await,
        (Kind::Kill, Part::Guard, Some(Parts { guard: pid, .. }))
        | (Kind::Kill, Part::Program, Some(Parts { program: pid, .. })) => {
            PROGRAM_KILLED.into_iter().for_each(|end| member.allow(end));
            scene.log.note("kill", &pid.to_string());
            send(pid, Signal::KILL);
            sleep(fault.lasts).await;
        }
        (Kind::Terminate, ..) => {
            TERMINATED.into_iter().for_each(|end| member.allow(end));
            kill(scene, member, fault, Signal::TERM, End::Success).await?;
        }
        // The program ends by itself, and so does `exec`, which gives the lease up.
        (Kind::StepDown, _, Some(parts)) => {
            TERMINATED.into_iter().for_each(|end| member.allow(end));
            send(parts.program, Signal::TERM);
            sleep(fault.lasts).await;
        }
        (Kind::BlockCutOff, _, Some(parts)) => {
            send(parts.program, Signal::USR1);
            crate::nemesis::cut_off(member, fault.lasts).await;
            if runs_below(parts.exec, parts.program) {
                send(parts.program, Signal::USR2);
            }
        }
        (Kind::PauseInPoll | Kind::StepDown | Kind::BlockCutOff, _, None) => sleep(fault.lasts / 10).await,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Stops `exec`, the program, or both.
async fn pause(scene: &Scene, member: &Member, part: Part, parts: Option<Parts>, lasts: Duration) {
    let stopped = match (part, parts) {
        (_, None) => member.pid().into_iter().collect(),
        (Part::Exec, Some(Parts { exec, .. })) => vec![exec],
        (Part::Program, Some(Parts { program, .. })) => vec![program],
        (Part::Guard, Some(Parts { exec, program, .. })) => vec![program, exec],
    };
    hold(scene, member, &stopped);
    sleep(lasts).await;
    resume(scene, member, &stopped);
}

/// Stops `exec` and the program until another candidate leads. By then the program must be gone.
async fn until_replaced(scene: &Scene, member: &Member, parts: &Parts, lasts: Duration) {
    let stopped = [parts.program, parts.exec];
    hold(scene, member, &stopped);
    let another = scene.wait(now(), TAKEN_OVER, |event| !member.wrote(event) && event.is("enter")).await;
    let told = match another {
        None => Some(format!("{} was stopped for {TAKEN_OVER:?}, and no replica has led", member.name)),
        Some(event) if runs_below(parts.exec, parts.program) => {
            let Parts { program, .. } = parts;
            Some(format!("the program of {} (process {program}) is there although another leads: {event}", member.name))
        }
        Some(_) => None,
    };
    scene.wrong.borrow_mut().extend(told);
    sleep(lasts).await;
    resume(scene, member, &stopped);
}

fn hold(scene: &Scene, member: &Member, pids: &[u32]) {
    // `exec` may be stopped inside a poll.
    PROGRAM_KILLED.into_iter().chain([End::Aborted]).for_each(|end| member.allow(end));
    for pid in pids {
        scene.log.note("hold", &pid.to_string());
        send(*pid, Signal::STOP);
    }
}

fn resume(scene: &Scene, member: &Member, pids: &[u32]) {
    for pid in pids {
        // Its id may belong to another process if it has ended, and `exec` has waited for it.
        if member.pid().is_some_and(|exec| *pid == exec || runs_below(exec, *pid)) {
            scene.log.note("resume", &pid.to_string());
            send(*pid, Signal::CONT);
        }
    }
}
