//! Finding contents by their words.

use super::*;

async fn shelf() -> (tempfile::TempDir, Arc<Store>) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let items = [
        ("debian-12-netinst.iso", "The Debian installer", "linux"),
        ("Übersicht der Straßen.pdf", "Roads of Zürich", "maps"),
        ("holiday.jpg", "Beach, installer of umbrellas", "photos"),
    ];
    for (name, description, tag) in items {
        let new =
            NewContent { description: Some(description.into()), tags: vec![tag.into(), "all".into()], ..named(name) };
        store.publish(new, parts(name.as_bytes())).await.unwrap();
    }
    (dir, store)
}

#[tokio::test]
async fn words_match_in_any_field_whatever_their_case_and_accents() {
    let (_dir, store) = shelf().await;
    for (query, want) in [
        ("debian", vec!["debian-12-netinst.iso"]),
        ("DEBIAN linux installer", vec!["debian-12-netinst.iso"]),
        ("ubersicht zurich", vec!["Übersicht der Straßen.pdf"]),
        ("Strassen", vec!["Übersicht der Straßen.pdf"]),
        ("netinst.iso", vec!["debian-12-netinst.iso"]),
        ("iso.netinst", vec![]),
        ("\"debian installer\"", vec!["debian-12-netinst.iso"]),
        ("\"installer debian\"", vec![]),
        ("inst*", vec!["debian-12-netinst.iso", "holiday.jpg"]),
        ("netin* -beach", vec!["debian-12-netinst.iso"]),
        ("installer -beach", vec!["debian-12-netinst.iso"]),
        ("all -\"the debian\" -photos", vec!["Übersicht der Straßen.pdf"]),
        ("nothing", vec![]),
    ] {
        let mut found = find(&store, query).await;
        found.sort();
        assert_eq!(found, want, "{query}");
    }
}

#[tokio::test]
async fn a_word_in_the_name_is_better_than_one_in_the_description() {
    let (_dir, store) = shelf().await;
    publish(&store, "installer", b"i").await;
    assert_eq!(find(&store, "installer").await[0], "installer");
}

#[tokio::test]
async fn a_field_is_looked_at_from_its_first_word_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    assert!(find(&store, "installer").await.is_empty());
    publish(&store, "holiday.jpg", b"h").await;
    assert!(find(&store, "installer").await.is_empty());
    assert_eq!(find(&store, "holiday -installer").await, ["holiday.jpg"]);
    let new = NewContent { description: Some("The installer".into()), ..named("debian.iso") };
    store.publish(new, parts(b"d")).await.unwrap();
    assert_eq!(find(&store, "installer").await, ["debian.iso"]);
    assert!(find(&store, "iso -installer").await.is_empty());
}

#[tokio::test]
async fn filters_and_overlays_decide_who_is_in() {
    let (_dir, store) = shelf().await;
    let names = async |edit: fn(&mut Query), overlay: Option<&str>| {
        let mut query = Query::parse("all", 10).unwrap();
        edit(&mut query);
        let found = store.search_in(&query, overlay).await.unwrap();
        found.into_iter().map(|(_, content)| content.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(|query| query.media_type = Some("image/*".into()), None).await, ["holiday.jpg"]);
    assert_eq!(names(|query| query.media_type = Some("image/jpeg".into()), None).await, ["holiday.jpg"]);
    assert_eq!(names(|query| query.tags = vec!["maps".into()], None).await, ["Übersicht der Straßen.pdf"]);
    assert_eq!(names(|query| query.max_size = Some(11), None).await, ["holiday.jpg"]);
    assert_eq!(names(|query| query.min_size = Some(12), None).await.len(), 2);
    assert_eq!(names(|_| (), Some("main")).await.len(), 3);
    assert!(names(|_| (), Some("other")).await.is_empty());
}

#[tokio::test]
async fn pages_are_stable_and_hold_everything_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for i in 0..7 {
        publish(&store, &format!("page {i}"), format!("{i}").as_bytes()).await;
    }
    let query = Query::parse("page", 50).unwrap();
    for query in [None, Some(&query)] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = store.list(query, after.as_deref(), 3).await.unwrap();
            seen.extend(page.iter().map(|content| content.name.clone()));
            after = next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..7).rev().map(|i| format!("page {i}")).collect::<Vec<_>>());
    }
    assert!(store.list(None, Some("x"), 3).await.unwrap_err().message.starts_with("after"));
}

#[tokio::test]
async fn a_missing_or_damaged_index_is_built_from_the_catalogue() {
    let (dir, store) = shelf().await;
    store.close().await;
    let index = dir.path().join("index");
    let damages: [fn(&Path); 4] = [
        |index| std::fs::remove_dir_all(index).unwrap(),
        |index| std::fs::write(index.join("meta.json"), "{").unwrap(),
        |index| {
            for entry in std::fs::read_dir(index).unwrap().flatten() {
                let bytes = std::fs::read(entry.path()).unwrap();
                if bytes.len() > 40 && entry.path().extension().is_some_and(|ending| ending != "json") {
                    let mut bytes = bytes;
                    bytes[10] ^= 0xff;
                    std::fs::write(entry.path(), bytes).unwrap();
                }
            }
        },
        |index| {
            let meta = std::fs::read_to_string(index.join("meta.json")).unwrap();
            std::fs::write(index.join("meta.json"), meta.replace("version 1", "version 0")).unwrap();
        },
    ];
    for damage in damages {
        damage(&index);
        let store = open(dir.path()).await;
        assert_eq!(find(&store, "debian").await.len(), 1);
        store.close().await;
    }
}
