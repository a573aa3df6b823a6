"""Make builders/corpora/empathetic_dialogues/sample: an invented corpus in the real shape.

Run by hand when the sample is to change:
`PYTHONPATH=tests python tests/make_empathetic_dialogues_sample.py`. The text is ours; there is no
audio. Quirks, as in the real one: ``_comma_``, quotation marks that are text, a column more than
the header has (conversation 907), one number for both people (911), one malformed record (a row of
916 ends after its fifth cell).
"""

import shutil
from pathlib import Path

from trees_empathetic_dialogues import make_tree, row

SAMPLE = Path(__file__).parent.parent / "builders" / "corpora" / "empathetic_dialogues" / "sample"
# split|conversation|emotion word|speaker|listener|situation
CONVERSATIONS = """
train|900|devastated|31|44|Our workshop burnt down, and forty years of my father's tools with it.
train|901|proud|44|31|My niece, who could not swim a year ago, crossed the whole lake on Saturday.
train|902|annoyed|8|19|The people upstairs move their furniture every single night at two.
train|903|grateful|19|8|A stranger walked back half a mile to bring me my purse.
train|904|anxious|31|60|On Thursday I will hear whether the lump has to come out.
train|905|nostalgic|60|8|I found the box with our old puppet theatre in the attic.
train|906|guilty|44|60|I told my brother I was ill so that I need not help him move.
train|907|surprised|8|44|I came home and there was a horse in the front garden.
dev|908|lonely|60|31|It is my third month in this city and I have not shared a meal with anyone.
dev|909|furious|19|44|My landlord let himself in while I was in the shower.
dev|910|hopeful|31|19|After six refusals, a publisher has asked for the rest of my book.
dev|911|embarrassed|72|72|I waved back at a man who meant somebody behind me, and fell off the kerb.
test|912|terrified|8|60|The cable car stopped in the middle and began to swing.
test|913|content|44|19|A rainy Sunday, a pot of soup, and nobody wants anything from me.
test|914|disgusted|60|44|There was a tail in the tin of beans.
test|915|jealous|19|31|My best friend has a new best friend, and they wear the same boots.
test|916|prepared|31|8|The storm comes tonight, and I have candles, bread and a full bath.
"""
# conversation|turn: odd ones are the speaker's
TURNS = """
900|Our workshop burnt down last night. I just keep walking around the ashes.
900|Forty years in one night... Is there anyone with you?
900|My son is. He found one chisel, "the good one", as my father used to call it.
901|My niece swam across the lake on Saturday! A year ago she would not put her face in the water.
901|The whole lake? Who taught her?
901|I did, every Tuesday, in water so cold that my teeth hurt.
902|Two in the morning, and they are pushing a wardrobe around again!
902|Have you asked them what they are doing up there?
903|I dropped my purse on the hill and a man walked all the way back to bring it to me.
903|There are such people, then.
903|There are, and he would not even take a cup of tea for it.
904|I get the result on Thursday, and I cannot think of anything else.
904|Four days are long. What helps you through an evening?
905|I found our puppet theatre in the attic, with the crocodile and all.
905|Did you play for each other, or for the whole street?
906|I said I had a fever so that I did not have to carry boxes for my brother.
906|And did he believe it?
906|He brought me soup. With the boxes still in his van.
907|There was a horse in my front garden today. A real one, eating the beans!
907|Whose was it?
908|I have been here for three months, and I still eat every meal on my own.
908|Where did you eat with people, before?
909|He used his own key! I was in the shower, and he stood in my hall and measured the floor!
909|He has no right to do that.
910|A publisher has written back, and she wants to see the rest of it.
910|The rest of your book? After all that waiting?
910|Seven chapters by May, and I have five.
911|I waved at a man who did not mean me, and while I did so I fell off the kerb.
911|Did he come and help you up, at least?
912|The cable car stopped over the gorge and swung like a bell. I held on to a stranger.
912|How long did you hang there?
913|It rains, there is soup, and my phone is off.
913|What kind of soup is it?
914|I had eaten half of the tin before I saw the tail.
914|Oh no. A tail of what?
915|They bought the same boots, "by chance", they say, and wear them on the same days.
915|And nobody asked you about boots.
916|Candles, bread, batteries, and the bath is full. Let it come.
916|You have done this before.
"""
CANDIDATES = "Did it say anything?|I like beans_comma_ too.|Whose was it?"


def main() -> None:
    """Write the three files anew."""
    turns: dict[str, list[str]] = {}
    for line in TURNS.strip().splitlines():
        name, text = line.split("|", 1)
        turns.setdefault(name, []).append(text.replace(",", "_comma_"))
    rows: dict[str, list[dict[str, str]]] = {}
    for line in CONVERSATIONS.strip().splitlines():
        split, name, word, speaker, listener, situation = line.split("|")
        for index, text in enumerate(turns[name], start=1):
            made = row(
                int(name),
                index,
                context=word,
                prompt=situation.replace(",", "_comma_"),
                speaker_idx=speaker if index % 2 else listener,
                utterance=text,
            )
            if name == "907":
                made["candidates"] = CANDIDATES if index == 2 else ""
            rows.setdefault(split, []).append(made)
    broken = rows["test"][-1]
    for column in ("utterance", "selfeval", "tags"):
        del broken[column]
    shutil.rmtree(SAMPLE, ignore_errors=True)
    # The archive holds one folder.
    make_tree(SAMPLE / "empatheticdialogues", rows)


if __name__ == "__main__":
    main()
