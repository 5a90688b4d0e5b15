//! Parts of regions under the runtimes of others: several of them and several processes at one
//! queue, a runtime that ends while its tasks wait, and a peer that is killed.

use async_executor::Executor;
use ringway::CoreError;
use ringway::ring::latest::Version;
use ringway::shm::{self, Layout, Region};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// A number, and who pushed it, so that it is seen when one comes twice.
type Jobs = shm::Queue<u64, 16>;

const REGION: &str = "RINGWAY_RUNTIMES_REGION";

/// Longer than anything here takes: a wait that is this long has no end.
const PATIENCE: Duration = Duration::from_secs(40);

fn runtimes() -> [Runtime; 2] {
    let several = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    [Builder::new_current_thread().enable_all().build().unwrap(), several.unwrap()]
}

/// A region that other processes open, by a name of its own. Dropping it removes the name.
struct Shared(String, Region);

impl Shared {
    fn new(test: &str, layout: &Layout) -> Self {
        let name = format!("ringway-runtimes-{test}-{}", std::process::id());
        let region = Region::create(&name, 0o600, layout).unwrap();
        Shared(name, region)
    }

    /// Starts this test once more, as another process.
    fn player(&self, test: &str) -> Player {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([test, "--exact", "--nocapture"]).env(REGION, &self.0);
        Player(command.stdout(Stdio::piped()).spawn().unwrap())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _ = shm::unlink(&self.0);
    }
}

/// The region, in such another process.
fn given() -> Option<Region> {
    std::env::var(REGION).ok().map(|name| Region::open(&name).unwrap())
}

/// Another process, which ends with the test.
struct Player(Child);

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Takes jobs in several tasks until there are none, and hands each on.
async fn work(jobs: shm::Part<Jobs>, done: shm::Part<Jobs>) {
    while let Ok(job) = jobs.pop_async().await {
        done.push_async(job).await.unwrap();
    }
}

/// Tasks of each runtime, in one process.
fn workers(region: &Region) {
    const TASKS: usize = 3;
    let [one, several] = runtimes();
    let part = |name| region.part::<Jobs>(name).unwrap();
    let smol = Executor::new();
    let smols: Vec<_> = (0..TASKS).map(|_| smol.spawn(work(part("jobs"), part("done")))).collect();
    let several_too: Vec<_> =
        (0..TASKS).map(|_| several.spawn(work(part("jobs"), part("done")))).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            one.block_on(async {
                let tasks = (0..TASKS).map(|_| tokio::spawn(work(part("jobs"), part("done"))));
                for task in Vec::from_iter(tasks) {
                    task.await.unwrap();
                }
            });
        });
        async_io::block_on(smol.run(async {
            for task in smols {
                task.await;
            }
        }));
    });
    several.block_on(async {
        for task in several_too {
            task.await.unwrap();
        }
    });
}

#[test]
fn tasks_of_all_runtimes_and_processes_share() {
    if let Some(region) = given() {
        return workers(&region);
    }
    const COUNT: usize = 3000;
    let layout = Layout::new(8).part::<Jobs>("jobs").unwrap().part::<Jobs>("done").unwrap();
    let shared = Shared::new("share", &layout);
    let test = "tasks_of_all_runtimes_and_processes_share";
    let mut players = [shared.player(test), shared.player(test)];
    let (jobs, done) = (shared.1.part::<Jobs>("jobs"), shared.1.part::<Jobs>("done"));
    let (jobs, done) = (jobs.unwrap(), done.unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| workers(&shared.1));
        let mut seen = vec![false; COUNT];
        runtimes()[1].block_on(async {
            let pushes = async {
                for number in 0..COUNT {
                    jobs.push_async(number as u64).await.unwrap();
                }
            };
            let pops = async {
                for _ in 0..COUNT {
                    let number = done.pop_async().await.unwrap() as usize;
                    assert!(!std::mem::replace(&mut seen[number], true), "{number} came twice");
                }
            };
            tokio::join!(pushes, pops);
        });
        assert!(!seen.contains(&false));
        jobs.close();
    });
    for player in &mut players {
        assert!(player.0.wait().unwrap().success());
    }
    assert!(done.try_pop().is_none(), "nothing comes twice");
}

/// Threads of this process that serve tasks.
fn helpers() -> usize {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = threads.map(|thread| std::fs::read_to_string(thread.path().join("comm")));
    names.flatten().filter(|name| name == "ringway-tasks\n").count()
}

/// The wakers that a runtime leaves behind wake nobody, and take nothing from others.
#[test]
fn a_runtime_ends_while_its_tasks_wait() {
    let layout = Layout::new(2).part::<Jobs>("jobs").unwrap();
    let layout = layout.part::<shm::Mutex<u64>>("total").unwrap();
    let layout = layout.part::<shm::Semaphore<0>>("permits").unwrap();
    let region = Region::anonymous(&layout).unwrap();
    let jobs = region.part::<Jobs>("jobs").unwrap();
    let permits = region.part::<shm::Semaphore<0>>("permits").unwrap();
    let total = region.part::<shm::Mutex<u64>>("total").unwrap();
    let alive = Arc::new(());
    let waits = |jobs: shm::Part<Jobs>| {
        let (permits, total, alive) = (permits.clone(), total.clone(), alive.clone());
        async move {
            // All three wait: the mutex is held until the runtime has ended.
            let (job, (), guard) =
                tokio::join!(jobs.pop_async(), permits.acquire_async(), total.lock_async());
            drop((job, guard, alive));
        }
    };
    for round in 0..20_u64 {
        let held = total.lock().unwrap();
        for runtime in runtimes() {
            for _ in 0..8 {
                runtime.spawn(waits(jobs.clone()));
            }
            // A runtime of one thread polls its tasks here.
            runtime.block_on(async { tokio::time::sleep(Duration::from_millis(2)).await });
            runtime.shutdown_background();
        }
        let executor = Executor::new();
        let smols: Vec<_> = (0..8).map(|_| executor.spawn(waits(jobs.clone()))).collect();
        while executor.try_tick() {}
        drop((smols, executor));
        drop(held);
        // Another runtime goes on: nothing was taken by those that are gone.
        let next = &runtimes()[round as usize % 2];
        next.block_on(async {
            let all = async {
                tokio::join!(
                    async { assert_eq!(jobs.pop_async().await, Ok(round)) },
                    permits.acquire_async(),
                    async { *total.lock_async().await.unwrap() += 1 },
                    async { jobs.push_async(round).await.unwrap() },
                    async { permits.release(1).unwrap() },
                )
            };
            tokio::time::timeout(PATIENCE, all).await.expect("it goes on");
        });
        assert_eq!((permits.permits(), jobs.try_pop()), (0, None));
    }
    assert_eq!(*total.lock().unwrap(), 20);
    // Every word has changed since, and with that the last waker of each task went.
    while Arc::strong_count(&alive) > 1 {
        std::thread::sleep(Duration::from_millis(10));
    }
    drop((jobs, permits, total, region));
    while helpers() > 0 {
        std::thread::sleep(Duration::from_millis(50));
    }
}

type Numbers = shm::Ring<u64, 2>;
type Bytes = shm::ByteRing<16>;
type Messages = shm::MessageRing<64>;
type News = shm::Broadcast<u64, 4>;
type Newest = shm::Latest<u64>;
type Total = shm::Mutex<u64>;
type Again = shm::ReentrantMutex<u64>;
type Table = shm::RwLock<u64, 4>;
type Places = shm::BoundedSemaphore<1>;
type Meeting = shm::Barrier<3>;

/// One part for each kind that is told, twice where it has two sides.
fn all_kinds() -> Layout {
    let layout = Layout::new(4).part::<Jobs>("jobs").unwrap().part::<Jobs>("claimed").unwrap();
    let layout = layout.part::<Numbers>("numbers").unwrap().part::<Numbers>("numbers2").unwrap();
    let layout = layout.part::<Bytes>("bytes").unwrap().part::<Bytes>("bytes2").unwrap();
    let layout = layout.part::<Messages>("messages").unwrap().part::<Messages>("messages2");
    let layout = layout.unwrap().part::<News>("news").unwrap().part::<Newest>("newest").unwrap();
    let layout = layout.part::<Total>("total").unwrap().part::<Table>("table").unwrap();
    let layout = layout.part::<Again>("again").unwrap().part::<Places>("places").unwrap();
    layout.part::<Meeting>("meeting").unwrap().part::<shm::Event>("ready").unwrap()
}

/// Has a side, or holds something, of each kind, and waits to be killed.
fn holds_everything(region: &Region) {
    macro_rules! part {
        ($Part:ty, $name:literal) => {
            region.part::<$Part>($name).unwrap()
        };
    }
    let (jobs, claimed) = (part!(Jobs, "jobs"), part!(Jobs, "claimed"));
    let _pushes = jobs.producer().unwrap();
    let _claim = claimed.claim().unwrap();
    let _numbers = (
        part!(Numbers, "numbers").producer().unwrap(),
        part!(Numbers, "numbers2").consumer().unwrap(),
    );
    let _bytes =
        (part!(Bytes, "bytes").producer().unwrap(), part!(Bytes, "bytes2").consumer().unwrap());
    let _messages = (
        part!(Messages, "messages").sender().unwrap(),
        part!(Messages, "messages2").receiver().unwrap(),
    );
    let _writers = (part!(News, "news").writer().unwrap(), part!(Newest, "newest").writer());
    let (total, table) = (part!(Total, "total"), part!(Table, "table"));
    let (again, places) = (part!(Again, "again"), part!(Places, "places"));
    let _locks = (total.lock().unwrap(), table.write().unwrap(), again.lock().unwrap());
    let _place = places.acquire();
    std::thread::scope(|scope| {
        scope.spawn(|| part!(Meeting, "meeting").wait());
        part!(shm::Event, "ready").set();
        loop {
            std::thread::park();
        }
    });
}

#[test]
fn a_killed_peer_is_told_to_the_tasks_of_each_kind() {
    if let Some(region) = given() {
        return holds_everything(&region);
    }
    for runtime in runtimes() {
        let shared = Shared::new("killed", &all_kinds());
        let region = &shared.1;
        macro_rules! part {
            ($Part:ty, $name:literal) => {
                region.part::<$Part>($name).unwrap()
            };
        }
        let claimed = part!(Jobs, "claimed");
        claimed.push(7).unwrap();
        let mut player = shared.player("a_killed_peer_is_told_to_the_tasks_of_each_kind");
        let told = async {
            part!(shm::Event, "ready").wait_async().await;
            let jobs = part!(Jobs, "jobs");
            let mut pops = part!(Numbers, "numbers").consumer().unwrap();
            let mut pushes = part!(Numbers, "numbers2").producer().unwrap();
            let mut reads = part!(Bytes, "bytes").consumer().unwrap();
            let mut writes = part!(Bytes, "bytes2").producer().unwrap();
            let mut receives = part!(Messages, "messages").receiver().unwrap();
            let mut sends = part!(Messages, "messages2").sender().unwrap();
            let (news, newest) = (part!(News, "news"), part!(Newest, "newest"));
            let mut news = news.reader();
            let (total, table) = (part!(Total, "total"), part!(Table, "table"));
            let (again, places) = (part!(Again, "again"), part!(Places, "places"));
            let meeting = part!(Meeting, "meeting");
            while meeting.waiting() == 0 {
                tokio::task::yield_now().await;
            }
            // Full, so that the next one waits.
            while pushes.try_push(1).is_ok() {}
            while writes.try_write(&[1]) > 0 {}
            while sends.try_send(b"1").is_ok() {}
            let mut buf = [0; 8];
            tokio::join!(
                async { assert_eq!(jobs.pop_async().await, Err(CoreError::EndOfFile)) },
                async { assert_eq!(claimed.pop_async().await, Ok(7), "it is back") },
                async { assert_eq!(pops.pop_async().await, Err(CoreError::EndOfFile)) },
                async { assert!(pushes.push_async(1).await.is_err()) },
                async { assert_eq!(reads.read_async(&mut buf).await, Ok(0)) },
                async { assert_eq!(writes.write_async(&[1]).await, Err(CoreError::BrokenPipe)) },
                async {
                    let received = receives.recv_async(&mut [0; 8][..]).await;
                    assert_eq!(received, Err(CoreError::EndOfFile));
                },
                async { assert_eq!(sends.send_async(b"1").await, Err(CoreError::BrokenPipe)) },
                async { assert!(news.recv_async().await.is_err()) },
                async { assert!(newest.newer_async(Version::NONE).await.is_err()) },
                async { assert!(total.lock_async().await.is_err()) },
                async { assert!(table.read_async().await.is_err()) },
                async { assert!(again.lock_async().await.is_err()) },
                async { drop(places.acquire_async().await) },
                async { assert!(meeting.wait_async().await.is_err()) },
                // Last, when all have been polled and wait.
                async { player.0.kill().unwrap() },
            );
        };
        runtime.block_on(async {
            tokio::time::timeout(PATIENCE, told).await.expect("each is told");
        });
    }
}
