use lease_runtime::leader_only;

#[leader_only(lease = "billing", cron = schedule)]
async fn report(schedule: String) {
    drop(schedule);
}

fn main() {
    let _task = report(String::new());
}
