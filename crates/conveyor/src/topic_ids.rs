//! Owns the one call that rdkafka does not wrap: DescribeTopics, for the topic ids. A topic that was deleted and made
//! again has another id, and its offsets begin anew; only the id tells.
#![expect(unsafe_code, reason = "rdkafka 0.39 has no safe DescribeTopics; its bindings do")]

use std::ffi::{CStr, CString, c_char};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::bindings as sys;
use rdkafka::client::Client;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// A native object and how it is given back.
struct Owned<T> {
    ptr: *mut T,
    destroy: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    fn new(ptr: *mut T, destroy: unsafe extern "C" fn(*mut T)) -> Result<Owned<T>, KafkaError> {
        if ptr.is_null() { Err(KafkaError::Canceled) } else { Ok(Owned { ptr, destroy }) }
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: `ptr` is not null, came from the constructor that `destroy` belongs to, and nobody else frees it.
        unsafe { (self.destroy)(self.ptr) }
    }
}

/// Returns the ids of the topics, in order, as URL-safe base64; none for a broker that keeps no ids.
pub(crate) fn topic_ids<C: ClientContext>(
    client: &Client<C>,
    topics: &[&str],
    timeout: Duration,
) -> Result<Vec<Option<String>>, KafkaError> {
    let event = describe(client, topics, timeout)?;
    // SAFETY: the event lives; its accessors only read it.
    let code = unsafe { sys::rd_kafka_event_error(event.ptr) };
    if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Err(KafkaError::AdminOp(code.into()));
    }
    let mut count = 0;
    // SAFETY: the event lives; on another event type the first call returns null, which is checked before it is used.
    let descriptions = unsafe {
        let result = sys::rd_kafka_event_DescribeTopics_result(event.ptr);
        if result.is_null() {
            return Err(KafkaError::Canceled);
        }
        sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count)
    };
    // SAFETY: librdkafka says that `descriptions` holds `count` valid pointers that live as long as the event.
    (0..count).map(|index| unsafe { topic_id(*descriptions.add(index)) }).collect()
}

/// Sends the request and waits for its one answer.
fn describe<C: ClientContext>(
    client: &Client<C>,
    topics: &[&str],
    timeout: Duration,
) -> Result<Owned<sys::rd_kafka_event_t>, KafkaError> {
    let names = topics.iter().map(|name| CString::new(*name)).collect::<Result<Vec<_>, _>>()?;
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let rk = client.native_ptr();
    // SAFETY: `rk` lives as long as `client`; `pointers` are live C strings and are copied; the options get an error
    // buffer of the length they are told; the queue outlives the request, because it is polled before it is dropped.
    unsafe {
        let collection = Owned::new(
            sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len()),
            sys::rd_kafka_TopicCollection_destroy,
        )?;
        let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options =
            Owned::new(sys::rd_kafka_AdminOptions_new(rk, kind), sys::rd_kafka_AdminOptions_destroy)?;
        let mut error: [c_char; 256] = [0; 256];
        sys::rd_kafka_AdminOptions_set_request_timeout(options.ptr, millis, error.as_mut_ptr(), error.len());
        let queue = Owned::new(sys::rd_kafka_queue_new(rk), sys::rd_kafka_queue_destroy)?;
        sys::rd_kafka_DescribeTopics(rk, collection.ptr, options.ptr, queue.ptr);
        Owned::new(sys::rd_kafka_queue_poll(queue.ptr, millis), sys::rd_kafka_event_destroy)
            .map_err(|_| KafkaError::AdminOp(RDKafkaErrorCode::OperationTimedOut))
    }
}

/// Returns the id in one description.
///
/// # Safety
///
/// `description` is valid.
unsafe fn topic_id(
    description: *const sys::rd_kafka_TopicDescription_t,
) -> Result<Option<String>, KafkaError> {
    // SAFETY: the caller's promise; what the accessors return lives as long as the description.
    let text = unsafe {
        let error = sys::rd_kafka_TopicDescription_error(description);
        let code = sys::rd_kafka_error_code(error);
        if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(KafkaError::AdminOp(code.into()));
        }
        let id = sys::rd_kafka_TopicDescription_topic_id(description);
        if id.is_null() || sys::rd_kafka_Uuid_most_significant_bits(id) == 0 {
            return Ok(None);
        }
        CStr::from_ptr(sys::rd_kafka_Uuid_base64str(id)).to_string_lossy().into_owned()
    };
    Ok(Some(text.trim_end_matches('=').replace('+', "-").replace('/', "_")))
}
