use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const LIMITS: BodyLimits = BodyLimits {
    stall_max: Duration::from_secs(15),
    bytes_per_sec_min: 1,
    time_max: Duration::from_secs(60),
};
const AROUND_MAX: usize = 64 * 1024;

type Read = Result<(Option<String>, Vec<u8>), Refused>;

fn part(disposition: &str, content: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n")
}

fn file(content: &str) -> String {
    part("name=\"file\"; filename=\"a.png\"", content)
}

fn read_as_sent() -> Read {
    Ok((Some("a.png".to_owned()), b"bytes".to_vec()))
}

/// Reads a form that comes in chunks of this size and says how much of it was taken in.
async fn read_chunked(form: &[u8], chunk_bytes: usize) -> (Read, usize) {
    let chunks: Vec<Bytes> = form.chunks(chunk_bytes).map(Bytes::copy_from_slice).collect();
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let stream = futures::stream::iter(chunks).map(move |chunk| {
        counted.fetch_add(chunk.len(), Ordering::Relaxed);
        Ok::<_, std::io::Error>(chunk)
    });
    let read = async {
        let (filename, mut body) = open(HttpBody::from_stream(stream), "b", LIMITS).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            bytes.extend_from_slice(&chunk?);
        }
        Ok((filename, bytes))
    };
    let read = read.await;
    (read, taken.load(Ordering::Relaxed))
}

async fn read(form: &str) -> Read {
    read_chunked(form.as_bytes(), usize::MAX).await.0
}

#[tokio::test]
async fn the_one_file_is_the_image_whatever_fields_stand_before_or_behind_it() {
    let (token, caption) =
        (part("name=\"csrf_token\"", "t0ken"), part("name=\"caption\"", "Grüße\r\nvon hier"));
    let not_chosen = part("name=\"second\"; filename=\"\"", "");
    let json = "--b\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n{}\r\n";
    for form in [
        format!("{}--b--\r\n", file("bytes")),
        format!("{}--b--", file("bytes")),
        format!("preamble\r\n{}--b--\r\nepilogue", file("bytes")),
        format!("{token}{caption}{}--b--\r\n", file("bytes")),
        format!("{}{token}{caption}--b--\r\n", file("bytes")),
        format!("{json}{token}{}{not_chosen}{caption}--b--\r\n", file("bytes")),
        format!("{}--b--\r\n", part("name=\"files[]\"; filename=\"a.png\"", "bytes")),
    ] {
        assert_eq!(read(&form).await, read_as_sent(), "{form}");
    }
    let nameless = read(&format!("{token}{}--b--", part("name=\"file\"", "bytes"))).await;
    assert_eq!(nameless, Ok((None, b"bytes".to_vec())));
}

#[tokio::test]
async fn every_other_form_is_refused() {
    let (whole, field) = (file("bytes"), part("name=\"caption\"", "text"));
    for (form, refused) in [
        (format!("{whole}{whole}--b--"), MORE_THAN_ONE),
        (format!("{whole}{}--b--", part("name=\"other\"; filename=\"b.png\"", "")), MORE_THAN_ONE),
        (format!("{whole}{field}{}--b--", part("name=\"file\"", "text")), MORE_THAN_ONE),
        (format!("{field}--b--"), NO_FILE),
        ("--b--".to_owned(), NO_FILE),
        (whole.clone(), UNREADABLE),
        (whole[..whole.len() - 4].to_owned(), UNREADABLE),
        (format!("{whole}{field}"), UNREADABLE),
        (format!("{whole}--b-x"), UNREADABLE),
        (String::new(), UNREADABLE),
    ] {
        assert_eq!(read(&form).await, Err(refused), "{form}");
    }
}

#[tokio::test]
async fn more_than_32_headers_in_a_part_are_fine() {
    let more: String = (0..1000).map(|number| format!("X-Header-{number}: {number}\r\n")).collect();
    let disposition = "Content-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n";
    let form = format!("--b\r\n{more}{disposition}{more}\r\nbytes\r\n--b--\r\n");
    assert_eq!(read(&form).await, read_as_sent());
}

#[tokio::test]
async fn what_lies_around_the_file_is_bounded_however_it_comes() {
    let (image, junk) = ("x".repeat(1 << 20), "y".repeat(8 << 20));
    let (before, behind) = (part("name=\"caption\"", &junk), part("name=\"caption\"", &junk));
    for (form, image_bytes) in [
        (format!("{before}{}--b--", file(&image)), 0),
        (format!("{}{behind}--b--", file(&image)), image.len()),
        (format!("{junk}\r\n{}--b--", file(&image)), 0),
        (format!("{}--b--{junk}", file(&image)), image.len()),
        (format!("--b\r\nX-Endless: {junk}"), 0),
        (format!("{}--b{}", file(&image), " ".repeat(1 << 20)), image.len()),
        (format!("{}--b--", part("name=\"caption\"", "").repeat(2000)), 0),
    ] {
        for chunk_bytes in [1000, 16 << 10] {
            let (read, taken) = read_chunked(form.as_bytes(), chunk_bytes).await;
            assert_eq!(read, Err(TOO_MUCH_AROUND), "{}", &form[..100]);
            assert!(taken <= image_bytes + AROUND_MAX + 2 * chunk_bytes, "{taken}: {}", &form[..100]);
        }
        assert_eq!(read_chunked(form.as_bytes(), usize::MAX).await.0, Err(TOO_MUCH_AROUND));
    }
    let most = "y".repeat(60_000);
    let (read, _) =
        read_chunked(format!("{}{}--b--", part("name=c", &most), file(&image)).as_bytes(), 777).await;
    assert!(read == Ok((Some("a.png".to_owned()), image.into_bytes())));
}

#[test]
fn a_boundary_is_taken_from_a_forms_type_alone() {
    for (content_type, expected) in [
        ("image/png", Ok(None)),
        ("multipart/mixed; boundary=b", Ok(None)),
        ("multipart/form-database; boundary=b", Ok(None)),
        ("multipart/form-data; boundary=b", Ok(Some("b"))),
        (" Multipart/Form-Data ;charset=utf-8; Boundary=\"a b\"", Ok(Some("a b"))),
        ("multipart/form-data", Err(())),
        ("multipart/form-data; boundary=", Err(())),
        ("multipart/form-data; boundary=\"b\u{fc}\"", Err(())),
    ] {
        let found = boundary(content_type.as_bytes());
        assert_eq!(found.as_ref().map(Option::as_deref).map_err(|_| ()), expected, "{content_type}");
    }
    assert!(boundary(format!("multipart/form-data; boundary={}", "b".repeat(70)).as_bytes()).is_ok());
    assert!(boundary(format!("multipart/form-data; boundary={}", "b".repeat(71)).as_bytes()).is_err());
}

proptest! {
    #[test]
    fn any_file_comes_back_in_chunks_of_any_size(
        content in proptest::collection::vec(proptest::sample::select(vec![b'\r', b'\n', b'-', b'b', b'x', 0, 255]), 0..300),
        chunk_bytes in 1_usize..100,
    ) {
        // The client chooses a boundary that is not in its file.
        prop_assume!(!content.windows(5).any(|window| window == b"\r\n--b") && !content.starts_with(b"\n--b"));
        let form = [
            part("name=\"before\"", "text").as_bytes(),
            b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n",
            &content,
            b"\r\n",
            part("name=\"behind\"", "text").as_bytes(),
            b"--b--\r\n",
        ]
        .concat();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (read, _) = runtime.block_on(read_chunked(&form, chunk_bytes));
        prop_assert_eq!(read, Ok((Some("a.png".to_owned()), content)));
    }
}
