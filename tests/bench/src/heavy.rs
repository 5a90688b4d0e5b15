//! Peers that take long to build.

use crate::kernel::fresh_name;
use crate::message::{Message, Rx, Spsc, Tx};
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::port::update_connections::UpdateConnections;
use iceoryx2::prelude::*;
use iceoryx2::service::port_factory::PortFactory as _;
use iceoryx2::service::port_factory::publish_subscribe::PortFactory;
use std::fmt::Debug;

/// iceoryx2: publish and subscribe, with backpressure. `N` samples wait at most. Copied in and out,
/// or used in place with only the first and the last word touched.
pub struct Iceoryx<const N: usize, const IN_PLACE: bool>;

/// A side, with what it opens on its first use, in the process that uses it.
pub struct Side<T, const N: usize, const IN_PLACE: bool> {
    service: String,
    port: Option<T>,
}

type Factory<M> = PortFactory<ipc::Service, M, ()>;

fn service<M: Message + ZeroCopySend + Debug, const N: usize>(name: &str) -> Factory<M> {
    set_log_level(LogLevel::Error);
    let node = NodeBuilder::new().create::<ipc::Service>().expect("an iceoryx2 node");
    let service = node
        .service_builder(&name.try_into().expect("a service's name"))
        .publish_subscribe::<M>()
        .enable_safe_overflow(false)
        .subscriber_max_buffer_size(N)
        .history_size(0)
        .max_publishers(1)
        .max_subscribers(1)
        .open_or_create();
    service.unwrap_or_else(|error| panic!("an iceoryx2 service: {error:?}"))
}

type Out<M> = (Factory<M>, Publisher<ipc::Service, M, ()>);
type In<M> = (Factory<M>, Subscriber<ipc::Service, M, ()>);

impl<M, const N: usize, const IN_PLACE: bool> Tx<M> for Side<Out<M>, N, IN_PLACE>
where
    M: Message + ZeroCopySend + Debug,
{
    fn put(&mut self, message: &M) -> bool {
        let (_, publisher) = self.port.get_or_insert_with(|| {
            let factory = service::<M, N>(&self.service);
            let publisher = factory
                .publisher_builder()
                .max_loaned_samples(1)
                .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
                .create()
                .expect("a publisher");
            while factory.dynamic_config().number_of_subscribers() == 0 {
                std::thread::yield_now();
            }
            publisher.update_connections().expect("a connection");
            (factory, publisher)
        });
        let mut sample = publisher.loan_uninit().expect("a sample");
        let slot: *mut M = sample.payload_mut().as_mut_ptr();
        if IN_PLACE {
            let words = slot.cast::<u64>();
            let number = u64::from_ne_bytes(message.as_bytes()[..8].try_into().expect("a word"));
            // SAFETY: the first word of the sample, exclusively borrowed and aligned.
            unsafe { words.write(number) };
            // SAFETY: the last word of the sample, exclusively borrowed and aligned.
            unsafe { words.add(M::SIZE / 8 - 1).write(number) };
        } else {
            // SAFETY: both are one message long, and the sample is exclusively borrowed.
            unsafe { slot.copy_from_nonoverlapping(message, 1) };
        }
        // SAFETY: written just now, or whatever the shared memory held: any bytes are a message.
        unsafe { sample.assume_init() }.send().is_ok()
    }
}

impl<M, const N: usize, const IN_PLACE: bool> Rx<M> for Side<In<M>, N, IN_PLACE>
where
    M: Message + ZeroCopySend + Debug,
{
    fn get(&mut self, into: &mut M) -> bool {
        let (_, subscriber) = self.port.get_or_insert_with(|| {
            let factory = service::<M, N>(&self.service);
            let subscriber = factory.subscriber_builder().create().expect("a subscriber");
            (factory, subscriber)
        });
        let Some(sample) = subscriber.receive().expect("connected") else { return false };
        if IN_PLACE {
            let bytes = sample.payload().as_bytes();
            assert!(bytes[..8] == bytes[M::SIZE - 8..], "not a whole message");
            into.set_number(u64::from_ne_bytes(bytes[..8].try_into().expect("a word")));
        } else {
            into.clone_from(sample.payload());
        }
        true
    }
}

impl<M, const N: usize, const IN_PLACE: bool> Spsc<M> for Iceoryx<N, IN_PLACE>
where
    M: Message + ZeroCopySend + Debug,
{
    type Tx = Side<Out<M>, N, IN_PLACE>;
    type Rx = Side<In<M>, N, IN_PLACE>;

    fn open() -> (Self::Tx, Self::Rx) {
        let service = fresh_name("iceoryx2-");
        (Side { service: service.clone(), port: None }, Side { service, port: None })
    }
}
