#!/usr/bin/env bash
# Makes the font files of this directory; README.md says from which packages.
# usage: make.sh DEBIAN_FONTS EMOJI_FONT
set -euo pipefail
cd "$(dirname "$0")"
noto=$1/truetype/noto cjk=$1/opentype/noto/NotoSansCJK-Regular.ttc emoji=$2

scripts="Adlam Arabic Armenian Bengali Cherokee Devanagari Ethiopic Georgian Gujarati Gurmukhi Hebrew
Javanese Kannada Khmer Lao Malayalam MeeteiMayek Myanmar NKo OlChiki Oriya Sinhala Sundanese Tamil
Telugu Thaana Thai Tifinagh"
latin=U+0020-024F,U+1E00-1EFF,U+2010-2027,U+2030-205E,U+20A0-20C0,U+2122
arrows_and_operators=U+2190-22FF
symbols=U+2190-2BFF,U+1F000-1F1FF,U+1F300-1F6FF,U+1F780-1F8FF,U+1FA00-1FA6F
# one form of each character, that of simplified Chinese, and no forms for vertical text
han=U+3000-4DBF,U+4E00-9FFF,U+AC00-D7A3,U+F900-FAFF,U+FE30-FE6F,U+FF00-FFEF,U+20000-3FFFF

# usage: subset SOURCE TARGET CHARACTERS [OPTION]…
subset() {
    # the time in a font's header stays that of its package
    python -m fontTools.subset "$1" --output-file="$2" --unicodes="$3" --no-recalc-timestamp \
        --no-hinting --layout-features='*' --name-IDs=0,1,2,3,4,5,6,13,14 --notdef-outline "${@:4}"
}

subset "$noto/NotoSans-Regular.ttf" NotoSans-Regular.ttf '*'
# for the receipt's own labels
subset "$noto/NotoSans-Bold.ttf" NotoSans-Bold.ttf $latin --layout-features=ccmp,kern,mark,mkmk
for script in $scripts; do
    subset "$noto/NotoSans$script-Regular.ttf" "NotoSans$script-Regular.ttf" '*'
done
subset "$noto/NotoSansMath-Regular.ttf" NotoSansMath-Regular.ttf $arrows_and_operators
subset "$noto/NotoSansSymbols-Regular.ttf" NotoSansSymbols-Regular.ttf '*'
subset "$noto/NotoSansSymbols2-Regular.ttf" NotoSansSymbols2-Regular.ttf $symbols
subset "$emoji" NotoEmoji-Regular.ttf '*'
subset "$cjk" NotoSansCJK-Regular.otf $han --font-number=2 --layout-features=ccmp
