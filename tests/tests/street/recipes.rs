//! A customer with a recipe of their own gets what it says, by a program of the operator's where it says so; everybody else
//! gets the built-in one.

use std::fs;

use serde_json::Value;
use street::api::Api;
use street::stack::Stack;
use street::stations::Station;
use street::tools::photo;
use tempfile::TempDir;

const SHOP: &str = r#"
name = "shop"
version = 1
thumbhash = true
dominant_colour = true

[[rendition]]
name = "tile"
width_px = 200
height_px = 200
fit = "cover"
gravity = "north"
format = "webp"
quality = 75

[[rendition]]
name = "exact"
longer_side_px = 100
format = "png"
"#;

/// A program that writes what it reads: a picture if that is the original, none if it is pixels.
const COPIER: &str = r#"
version = 1

[[rendition]]
name = "ours"
longer_side_px = 100

[[rendition]]
name = "copy"
longer_side_px = 100
format = "jpeg"
[rendition.program]
path = "/bin/cat"
input = "original"
allow = ["/bin", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"]
"#;

/// A folder with the recipe and one customer who has it.
fn recipes() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("shop.toml"), SHOP).unwrap();
    fs::write(folder.path().join("customers.toml"), "acme = \"shop-1\"\n").unwrap();
    folder
}

fn rendition(image: &Value, index: usize) -> (&str, &str, u64, u64) {
    let one = &image["renditions"][index];
    let text = |name: &str| one[name].as_str().unwrap();
    (text("name"), text("format"), one["width"].as_u64().unwrap(), one["height"].as_u64().unwrap())
}

#[tokio::test]
async fn a_customers_own_recipe_is_pinned_at_upload_and_overrides_the_built_in_one() {
    let recipes = recipes();
    let dir = recipes.path().display().to_string();
    let stack = Stack::up(&["--kafka", "embedded", "--recipes", &dir]).await;
    let acme = stack.api("acme");

    let id = acme.upload(&photo("dandelion.jpg")).await;
    let image = acme.ended(&id).await;
    assert_eq!(image["status"], "processed", "{image}");
    assert_eq!(image["renditions"].as_array().unwrap().len(), 2, "{image}");
    assert_eq!(rendition(&image, 0), ("tile", "webp", 200, 200));
    assert_eq!(rendition(&image, 1), ("exact", "png", 100, 56));
    for (index, magic) in [(0, &b"RIFF"[..]), (1, b"\x89PNG")] {
        let answer = acme.get(image["renditions"][index]["url"].as_str().unwrap()).await;
        assert!(answer.bytes().await.unwrap().starts_with(magic));
    }
    let hash = image["placeholder"]["thumbhash"].as_str().unwrap();
    assert!((8..=36).contains(&hash.len()), "{hash} is 5 to 25 bytes in base64");
    let colour = image["placeholder"]["dominant_colour"].as_str().unwrap();
    assert!(colour.starts_with('#') && colour.len() == 7, "{colour}");

    let other = stack.api("other");
    let built_in = other.processed(&other.upload(&photo("dandelion.jpg")).await).await;
    assert!(built_in.get("placeholder").is_none(), "{built_in}");
}

#[tokio::test]
async fn a_program_of_the_recipes_makes_the_rendition_or_fails_the_image_and_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let of_pixels = COPIER.replace("\"original\"", "\"pixels\"");
    for (name, text) in [("copier", COPIER), ("wrong", of_pixels.as_str())] {
        fs::write(folder.path().join(format!("{name}.toml")), format!("name = \"{name}\"\n{text}")).unwrap();
    }
    let customers = "acme = \"copier-1\"\nwrong = \"wrong-1\"\n";
    fs::write(folder.path().join("customers.toml"), customers).unwrap();
    let dir = folder.path().display().to_string();
    let stack = Stack::up(&["--kafka", "embedded", "--recipes", &dir]).await;

    let wrong = stack.api("wrong");
    let image = wrong.failed(&wrong.upload(&photo("dandelion.jpg")).await, "decoder_crashed").await;
    assert_eq!(image["failure"]["detail"], "the program wrote no JPEG, PNG or WebP", "{image}");

    let acme = stack.api("acme");
    let image = acme.ended(&acme.upload(&photo("dandelion.jpg")).await).await;
    assert_eq!(image["status"], "processed", "{image}");
    assert_eq!(rendition(&image, 0), ("ours", "jpeg", 100, 56));
    assert_eq!(rendition(&image, 1), ("copy", "jpeg", 2400, 1350));
    let copy = acme.get(image["renditions"][1]["url"].as_str().unwrap()).await;
    assert_eq!(copy.bytes().await.unwrap(), photo("dandelion.jpg"));
}

#[tokio::test]
async fn a_processor_without_the_pinned_recipe_rejects_and_says_so() {
    let stack = Stack::up(&["--kafka", "embedded", "--stations", "none"]).await;
    let recipes = recipes();
    let env = stack.env();
    let dir = ("SAFELIGHT_RECIPES_DIR".to_owned(), recipes.path().display().to_string());
    let with_recipes = [&env[..], &[dir]].concat();
    let (ingest, _processor, sink) = tokio::join!(
        Station::start("ingest", &with_recipes, stack.folder()),
        Station::start("processor", &env, stack.folder()),
        Station::start("sink", &env, stack.folder()),
    );
    let api = |customer| Api::new(&ingest.url(), &sink.url(), &stack.token(customer));
    let acme = api("acme");
    let image = acme.ended(&acme.upload(&photo("dandelion.jpg")).await).await;
    assert_eq!(image["failure"]["reason"], "recipe_unknown", "{image}");
    let other = api("other");
    other.processed(&other.upload(&photo("dandelion.jpg")).await).await;
}

#[tokio::test]
async fn a_folder_of_wrong_recipes_ends_the_start_with_every_complaint() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bad.toml"), SHOP.replace("200", "0").replace("\"png\"", "\"gif\""))
        .unwrap();
    fs::write(folder.path().join("customers.toml"), "acme = \"shop-9\"\n").unwrap();
    let recipes = folder.path().display().to_string();
    let data = folder.path().join("data").display().to_string();
    let ended = tokio::process::Command::new(street::tools::binary("safelight"))
        .args(["up", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--kafka", "embedded"])
        .args(["--data", &data, "--recipes", &recipes])
        .output();
    let ended = ended.await.unwrap();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let said = String::from_utf8(ended.stderr).unwrap();
    for part in [
        "bad.toml: `rendition[0].width_px`",
        "bad.toml: `rendition[0].height_px`",
        "bad.toml: `rendition[1].format`",
        "customers.toml: `acme`",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}
