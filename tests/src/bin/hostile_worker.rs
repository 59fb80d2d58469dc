//! A pixel worker that obeys what a hostile file asks for: the stories' stand-in for a decoder with a hole.

fn main() {
    darkroom::worker::serve(|job| {
        let asks = |mark: &[u8]| job.original.windows(mark.len()).any(|window| window == mark);
        if asks(b"do:abort") {
            std::process::abort();
        }
        if asks(b"do:hang") {
            loop {
                std::thread::park();
            }
        }
        if asks(b"do:eat") {
            let mut eaten = Vec::new();
            loop {
                eaten.push(vec![1_u8; 16 << 20]);
            }
        }
        darkroom::render(job.original, &job.plan, &job.limits)
    })
}
