use std::num::NonZeroU16;

use vt100::Parser;

use super::*;

fn picture(columns: u16, rows: u16, bytes: &str) -> Picture {
    let size = |n| NonZeroU16::new(n).unwrap();
    let mut parser = Parser::new(size(rows), size(columns), 0);
    parser.process(bytes.as_bytes());
    Picture::of(parser.screen())
}

/// The elements of the screen, without the frame.
fn elements(picture: &Picture) -> Vec<String> {
    picture.svg().lines().filter(|l| l.contains(" x=") || l.contains("<path")).map(str::to_owned).collect()
}

#[test]
fn neighbours_that_look_alike_are_one_element() {
    let elements = elements(&picture(20, 1, "\x1b[1;31mabc\x1b[0m def"));
    assert_eq!(
        elements,
        [
            "<text x=\"0\" y=\"15\" textLength=\"30\" fill=\"#ff7670\" font-weight=\"bold\">abc</text>",
            "<text x=\"40\" y=\"15\" textLength=\"30\" fill=\"#dde1e8\">def</text>",
        ]
    );
}

#[test]
fn reverse_video_is_a_ground_and_dim_is_half_way_to_it() {
    let elements = elements(&picture(9, 1, "\x1b[7mab \x1b[0;2mc"));
    assert_eq!(
        elements,
        [
            "<rect x=\"0\" y=\"0\" width=\"30\" height=\"20\" fill=\"#dde1e8\"/>",
            "<text x=\"0\" y=\"15\" textLength=\"20\" fill=\"#111419\">ab</text>",
            "<text x=\"30\" y=\"15\" textLength=\"10\" fill=\"#777a80\">c</text>",
        ]
    );
}

#[test]
fn bars_and_lines_are_shapes_that_meet() {
    assert_eq!(
        elements(&picture(4, 1, "██░─")),
        [
            "<path d=\"M0 0h10v20h-10zM10 0h10v20h-10z\" fill=\"#dde1e8\"/>",
            "<path d=\"M20 0h10v20h-10z\" fill=\"#dde1e8\" fill-opacity=\"0.25\"/>",
            "<path d=\"M30 9.5h10v1h-10z\" fill=\"#dde1e8\"/>",
        ]
    );
    assert_eq!(
        elements(&picture(2, 1, "▁▌")),
        ["<path d=\"M0 17.5h10v2.5h-10zM10 0h5v20h-5z\" fill=\"#dde1e8\"/>"]
    );
}

#[test]
fn markup_in_a_name_stays_text() {
    let svg = picture(20, 1, "<script>&").svg();
    assert!(svg.contains("&lt;script&gt;&amp;</text>"), "{svg}");
}

#[test]
fn colours_of_all_three_kinds_are_shown() {
    for (code, colour) in
        [("32", "#67d283"), ("38;5;196", "#ff0000"), ("38;5;244", "#808080"), ("38;2;1;2;3", "#010203")]
    {
        let svg = picture(2, 1, &format!("\x1b[{code}mx")).svg();
        assert!(svg.contains(&format!("fill=\"{colour}\">x")), "{code}: {svg}");
    }
}

#[test]
fn the_font_has_every_sign_or_the_picture_is_refused() {
    let signs = "✓✗!‖?…–●◌◆▌▲▼◂▸·│─⏎→⠋⠙⠹░█▁▂▃▄▅▆▇×é";
    let png = picture(40, 1, signs).png().unwrap();
    assert!(png.starts_with(b"\x89PNG"));
    let error = picture(40, 1, "日本").png().unwrap_err().to_string();
    assert!(error.contains('日'), "{error}");
}

#[test]
fn files_are_written_when_the_screen_changed_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let png = picture(5, 1, "one").save(folder.path(), "screen").unwrap();
    std::fs::write(&png, "kept").unwrap();
    picture(5, 1, "one").save(folder.path(), "screen").unwrap();
    assert_eq!(std::fs::read(&png).unwrap(), b"kept");
    picture(5, 1, "two").save(folder.path(), "screen").unwrap();
    assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG"));
}
