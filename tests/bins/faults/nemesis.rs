//! Carries out a fault, and ends it.

use std::time::Duration;

use lease_tests::log::now;
use lease_tests::proxy::{Flow, Link};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use crate::crew::{End, Member};
use crate::error::Result;
use crate::parts::{self, PROGRAM_KILLED};
use crate::plan::{Fault, Kind, On};
use crate::scene::Scene;

/// How long a body may take until it carries out an order.
const OBEYS: Duration = Duration::from_secs(3);
/// How long a leader may be stopped until another one leads, even if something else goes wrong at the same time.
pub(crate) const TAKEN_OVER: Duration = Duration::from_secs(30);
/// A few bytes at a time, as a receiver takes them that hardly reads: an answer takes a second or more.
const TRICKLE: Flow = Flow::Trickle { bytes: 64, every: Duration::from_millis(40) };

/// Makes a fault happen, and returns when it has ended.
pub(crate) async fn inflict(scene: &Scene, fault: &Fault) -> Result<()> {
    let member = victim(scene, fault.on);
    scene.log.note("fault", &format!("{} {} {:?}", fault.kind.words().0, member.name, fault.lasts));
    if member.is_exec() && parts::inflict(scene, member, fault).await? {
        return Ok(());
    }
    match fault.kind {
        Kind::Pause => pause(scene, member, fault).await,
        Kind::PauseInPoll => pause_in_poll(scene, member, fault).await,
        Kind::Kill => kill(scene, member, fault, Signal::KILL, End::Killed).await?,
        Kind::Terminate => kill(scene, member, fault, Signal::TERM, End::Success).await?,
        Kind::StepDown => {
            member.order("step-down").await;
            sleep(fault.lasts).await;
        }
        Kind::Starve => starve(scene, member, fault).await?,
        Kind::BlockCutOff => block(member, fault).await,
        Kind::Reset => {
            member.link.cut();
            sleep(fault.lasts).await;
        }
        Kind::HalfClose => {
            member.link.half_close();
            sleep(fault.lasts).await;
        }
        Kind::DelayThenHole => {
            member.link.set(Link::slow(fault.late));
            sleep(fault.lasts / 2).await;
            // Answers that are on their way still arrive, and requests do not: the latest answer is old when it comes.
            link(member, Link { up: Flow::Stall, ..Link::slow(fault.late) }, fault.lasts).await;
        }
        Kind::Delay => link(member, Link::slow(fault.late), fault.lasts).await,
        Kind::NoAnswers => link(member, Link::NO_ANSWERS, fault.lasts).await,
        Kind::NoRequests => link(member, Link::NO_REQUESTS, fault.lasts).await,
        Kind::BlackHole => link(member, Link::BLACK_HOLE, fault.lasts).await,
        Kind::SlowReads => link(member, Link { down: TRICKLE, ..Link::PASS }, fault.lasts).await,
        Kind::Refuse => link(member, Link::REFUSE, fault.lasts).await,
        Kind::SlowStore => slow_store(scene, fault).await,
        Kind::PauseServer => pause_server(scene, fault).await?,
        Kind::KillServer => {
            scene.cluster.kill_server().await;
            sleep(fault.lasts).await;
            scene.cluster.start_server().await;
        }
    }
    Ok(())
}

fn victim(scene: &Scene, on: On) -> &Member {
    let member = match on {
        On::Leader => scene.leader(),
        On::Member(index) => scene.members.get(index),
    };
    member.unwrap_or(&scene.members[0])
}

async fn link(member: &Member, state: Link, lasts: Duration) {
    member.link.set(state);
    sleep(lasts).await;
    member.link.set(Link::PASS);
}

async fn pause(scene: &Scene, member: &Member, fault: &Fault) {
    let Some(pid) = member.pid() else { return };
    member.allow(End::Aborted);
    scene.log.note("stop", &pid.to_string());
    member.signal(Signal::STOP);
    sleep(fault.lasts).await;
    resume(scene, member, pid);
}

fn resume(scene: &Scene, member: &Member, pid: u32) {
    scene.log.note("continue", &pid.to_string());
    member.signal(Signal::CONT);
}

async fn pause_in_poll(scene: &Scene, member: &Member, fault: &Fault) {
    let (Some(pid), asked) = (member.pid(), now()) else { return };
    member.allow(End::Aborted);
    member.order("stop").await;
    if let Some(stopped) = scene.wait(asked, OBEYS, |event| event.pid == pid && event.is("stopping")).await {
        let another = scene.wait(stopped.at, TAKEN_OVER, |event| event.pid != pid && event.is("enter")).await;
        if another.is_none() {
            scene
                .wrong
                .borrow_mut()
                .push(format!("{} was stopped for {TAKEN_OVER:?}, and no replica has led", member.name));
        }
        sleep(fault.lasts).await;
    } else {
        // It does not lead, and must not stop itself later, when nothing would continue it.
        member.order("nothing").await;
        sleep(OBEYS / 10).await;
    }
    resume(scene, member, pid);
}

pub(crate) async fn kill(scene: &Scene, member: &Member, fault: &Fault, signal: Signal, end: End) -> Result<()> {
    member.allow(end);
    member.signal(signal);
    if let Err(error) = member.end().await {
        scene.wrong.borrow_mut().push(error.to_string());
    }
    sleep(fault.lasts).await;
    member.start()
}

async fn starve(scene: &Scene, member: &Member, fault: &Fault) -> Result<()> {
    let Some(pid) = member.pid() else { return Ok(()) };
    let ends = [End::Aborted].into_iter().chain(PROGRAM_KILLED.into_iter().filter(|_| member.is_exec()));
    ends.for_each(|end| member.allow(end));
    scene.log.note("starve", &pid.to_string());
    let starved = scene.means.starve(pid)?;
    sleep(fault.lasts).await;
    scene.log.note("feed", &pid.to_string());
    drop(starved);
    Ok(())
}

/// The elections have a thread of their own, so a body that blocks keeps its lease. It has to lose it as well.
///
/// Where an overrun is only reported, nothing ends a body that blocks, so it must not.
async fn block(member: &Member, fault: &Fault) {
    if !member.settings.only_reports {
        member.allow(End::Aborted);
        member.order(&format!("block {}", fault.lasts.as_millis())).await;
    }
    cut_off(member, fault.lasts).await;
    member.order("nothing").await;
}

pub(crate) async fn cut_off(member: &Member, lasts: Duration) {
    link(member, Link::BLACK_HOLE, lasts).await;
}

async fn slow_store(scene: &Scene, fault: &Fault) {
    let Some(store) = &scene.store else { return };
    store.set(Link { up: Flow::Delay(fault.late / 2), down: Flow::Delay(fault.late / 2), ..Link::PASS });
    sleep(fault.lasts).await;
    store.set(Link::PASS);
}

async fn pause_server(scene: &Scene, fault: &Fault) -> Result<()> {
    let pid = Pid::from_raw(i32::try_from(scene.real.pid().await)?).ok_or("the server has no process id")?;
    kill_process(pid, Signal::STOP)?;
    sleep(fault.lasts).await;
    kill_process(pid, Signal::CONT)?;
    Ok(())
}
