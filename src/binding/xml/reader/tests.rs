//! What the reader takes, and what it refuses.

use super::*;

fn tokens(source: &str) -> Result<Vec<String>, String> {
    let mut reader = Reader::new(source, true, &Limits::default());
    let mut seen = Vec::new();
    loop {
        seen.push(match reader.next().map_err(|e| e.to_string())? {
            Token::Open(tag) => format!("<{}", tag.name()),
            Token::Close => ">".into(),
            Token::Text(text) => text.into_owned(),
            Token::End => return Ok(seen),
        });
    }
}

#[test]
fn a_text_comes_whole_whatever_it_is_written_with() {
    let source =
        "<?xml version='1.0'?><!-- c --><a>x &lt;&#65;<!-- y --><![CDATA[<z>&amp;]]>\r\n<b/></a> <!-- end --> ";
    assert_eq!(tokens(source).unwrap(), ["<a", "x <A<z>&amp;\n", "<b", ">", ">"]);
    assert_eq!(tokens("<a>&#xD83D;&#xDE00;&#128512;</a>").unwrap(), ["<a", "😀😀", ">"]);
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for source in [
        "",
        " ",
        "x",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "<a>&x;</a>",
        "<a>&#0;</a>",
        "<a>&#xFFFF;</a>",
        "<a>&#xD83D;</a>",
        "<a>&#xD83D;x</a>",
        "<a>&#xDE00;</a>",
        "<a>&#xD83D;&#65;</a>",
        "<a b='1' b='2'/>",
        "<a b/>",
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        "<a><?xml version='1.0'?></a>",
        "<a>&",
        "<a",
    ] {
        assert!(tokens(source).is_err(), "{source}: {:?}", tokens(source));
    }
}

#[test]
fn depth_and_attributes_are_bounded() {
    let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
    assert!(tokens(&nested(64)).is_ok());
    assert!(tokens(&nested(65)).unwrap_err().contains("limits.xml_depth, 64"));
    let attributes = |count: usize| (0..count).map(|i| format!(" a{i}='v'")).collect::<String>();
    assert!(tokens(&format!("<a{}/>", attributes(64))).is_ok());
    assert!(tokens(&format!("<a{}/>", attributes(65))).unwrap_err().contains("limits.xml_attributes, 64"));
}

#[test]
fn a_slice_of_the_document_is_what_an_element_occupies() {
    let mut reader = Reader::new("<a> <b x='1'>t<c/></b> </a>", true, &Limits::default());
    reader.next().unwrap();
    let Token::Open(tag) = reader.next_tag().unwrap() else { panic!("no tag") };
    reader.skip().unwrap();
    assert_eq!(reader.slice_from(tag.start), "<b x='1'>t<c/></b>");
    assert_eq!((tag.local(), tag.prefix()), ("b", ""));
}

#[test]
fn instructions_are_refused_where_the_format_forbids_them() {
    let mut reader = Reader::new("<a><?x y?></a>", false, &Limits::default());
    assert!(reader.next().is_ok() && reader.next().is_err());
    assert!(tokens("<a><?x y?></a>").is_ok());
}
