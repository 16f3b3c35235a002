/// A server's text without what hides in it: control characters but line feeds and tabs, those that turn the direction
/// of writing, and those without width.
pub fn clean(text: &str) -> String {
    text.chars().filter(|character| !hides(*character)).collect()
}

fn hides(character: char) -> bool {
    (character.is_control() && character != '\n' && character != '\t')
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0e}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_is_dropped_and_writing_stays() {
        assert_eq!(clean("re\u{200b}ad\u{202e}_file\u{7}\u{feff}"), "read_file");
        assert_eq!(clean("tags \u{e0041}\u{e0042}!"), "tags !");
        let kept = "Zeile\n\tübër — 日本語 مرحبا 👍";
        assert_eq!(clean(kept), kept);
    }
}
