"""Print pages of the corpus and of our own French and German sentences; write docs/print.

Run from the repository's root: ``python corpus/print_figures.py [--curve]``. Writes five page images, and with
``--curve`` also the character error rate by strength for each typeface and language (some minutes).
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from ocr_neurons.common.files import replacing, write_json, write_text
from ocr_neurons.common.progress import Reporter
from ocr_neurons.common.seeds import generator
from ocr_neurons.noise.printed.degrade import degrade
from ocr_neurons.noise.printed.printing import print_documents, printing_facts
from ocr_neurons.noise.printed.typeset import TYPEFACES, Layout, typeset
from ocr_neurons.text.datasets import load_dataset
from ocr_neurons.text.document import Document, Token
from ocr_neurons.text.tokenise import tokenise

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "print"
SEED = 7
STRENGTHS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.25)
SERIES = (
    ("en", "oldstandard"),
    ("en", "didot"),
    ("en", "garamond"),
    ("fr", "didot"),
    ("fr", "oldstandard"),
    ("de", "blankenburg"),
    ("de", "oldstandard"),
)
# name, language, typeface, strength
PAGES = (
    ("en-oldstandard", "en", "oldstandard", 0.25),
    ("en-didot", "en", "didot", 1.0),
    ("fr-didot", "fr", "didot", 0.5),
    ("de-blackletter-light", "de", "blankenburg", 0.25),
    ("de-blackletter-heavy", "de", "blankenburg", 1.0),
)
CROP = (60, 60, 930, 500)
SHOWN = (609, 308)
SHADES = 8

# written for this project (CC0), in the manner of newspapers of about 1850
FRENCH = (
    "On nous écrit de Strasbourg, le 12 février : « La débâcle des glaces a emporté cette nuit deux arches du "
    "pont de Kehl, et la malle-poste de Francfort n'a pu passer. » M. le préfet du Bas-Rhin s'est aussitôt rendu "
    "sur les lieux, accompagné de M. Schœnlaub, ingénieur des ponts et chaussées. Aucun accident n'est à "
    "déplorer, grâce au sang-froid du batelier Keller, qui avait fait évacuer les moulins dès la veille. La "
    "Compagnie du chemin de fer de Bâle annonce que le service sera rétabli jeudi prochain.",
    "Le tribunal de police correctionnelle de la Seine, présidé par M. Delamarre, a condamné hier à six mois de "
    "prison le nommé Jean-Baptiste Corbineau, ouvrier ébéniste du faubourg Saint-Antoine, convaincu d'avoir "
    "soustrait une montre d'or chez la veuve Lefébure, rentière à Belleville. L'accusé, âgé de vingt-sept ans, "
    "alléguait qu'il l'avait trouvée au pied de la colonne de Juillet. Me Hennequin a plaidé pour la défense. Le "
    "Journal des Débats assure que le pourvoi sera porté devant la cour de cassation.",
    "Le brick la Jeune-Adèle, capitaine Le Goff, parti de Nantes pour l'île Bourbon avec un chargement de mulets, "
    "a relâché le 3 de ce mois à Ténériffe, ayant perdu son beaupré dans un coup de vent de sud-ouest. On mande "
    "du Havre que trois baleiniers sont attendus de la mer du Sud. À la Bourse, les huiles de Provence ont fléchi "
    "de deux francs par hectolitre ; les sucres restent fermes, et les cafés de Saint-Domingue sans affaires.",
    "L'Académie des inscriptions a tenu vendredi sa séance publique sous la présidence de M. de Quatremaire. Le "
    "mémoire de M. Albin Rousselot sur les monnaies des comtes de Toulouse a obtenu une mention très-honorable. "
    "On a remarqué dans l'assemblée plusieurs étrangers de distinction, parmi lesquels le bibliothécaire de Leyde "
    "et l'évêque de Fréjus. La séance a été levée à quatre heures.",
)
GERMAN = (
    "Aus Straßburg wird uns unterm 12. Februar geschrieben, daß der Eisgang des Rheins in der verflossenen Nacht "
    "zwei Joche der Kehler Brücke fortgerissen hat und die Frankfurter Post nicht hat übersetzen können. Der "
    "Präfekt begab sich sogleich mit dem Ingenieur Schönlaub an Ort und Stelle. Menschenleben sind nicht zu "
    "beklagen, da der Schiffer Keller die Mühlen schon Tags zuvor hatte räumen lassen. Die Basler "
    "Eisenbahn-Gesellschaft zeigt an, daß der Dienst am künftigen Donnerstag wieder eröffnet werden soll.",
    "Vor dem königlichen Stadtgericht zu Berlin stand gestern der Tischlergeselle Johann Gottlieb Krause aus "
    "Züllichau, beschuldigt, der verwittweten Frau Hofräthin von Quistorp in der Friedrichsstraße eine goldene "
    "Taschenuhr entwendet zu haben. Der Angeklagte, siebenundzwanzig Jahre alt, wollte dieselbe am Brandenburger "
    "Thore gefunden haben. Justizrath Lewald führte die Vertheidigung. Die Vossische Zeitung versichert, daß "
    "gegen das Urtheil Berufung an das Kammergericht eingelegt worden sei.",
    "Die hamburgische Brigg Anna Dorothea, Capitain Petersen, mit Steinkohlen von Newcastle nach Kiel bestimmt, "
    "ist am 3. dieses Monats bei Skagen auf den Grund gerathen und mit Hülfe zweier Fischerboote wieder flott "
    "geworden. Aus Danzig meldet man, daß die Schiffahrt auf der Weichsel geschlossen ist. Weizen galt auf dem "
    "Markte zu Stettin 58 Thaler, Roggen 36 bis 37 Thaler; Rüböl blieb ohne Umsatz.",
    "In der letzten Sitzung der Gesellschaft für vaterländische Alterthümer zu Göttingen las der Bibliothekar Dr. "
    "Ernst Wiesenhaver über eine Handschrift des Sachsenspiegels, welche aus dem Kloster Walkenried stammt. "
    "Hofrath Böttiger legte einige römische Münzen vor, die bei Nörten auf dem Acker des Müllers Hesse "
    "ausgepflügt worden sind. Die Versammlung beschloß, den Fund für das Museum zu erwerben.",
)


def documents(language: str) -> list[Document]:
    if language == "en":
        return list(load_dataset("gazette").clean_twins["train"][:40:8])
    texts = FRENCH if language == "fr" else GERMAN
    return [_document(f"{language}-{number}", text, language) for number, text in enumerate(texts, 1)]


def _document(name: str, text: str, language: str) -> Document:
    cut = tokenise(text, language)
    return Document(name, tuple(Token(text[a:b], b == len(text) or text[b] == " ") for a, b in cut), language)


def draw_pages() -> None:
    for name, language, face, strength in PAGES:
        text = "\n".join(document.text() for document in documents(language)[:3])
        page = typeset(text, face, Layout(measure=780))[0].image
        worn = degrade(page, strength * TYPEFACES[face].wear, generator(SEED, "page", name))
        small = (
            worn.crop(CROP)
            .resize(SHOWN, Image.Resampling.BOX)
            .quantize(SHADES, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        )
        with replacing(FOLDER / f"{name}.png") as temporary:
            small.save(temporary, "PNG", optimize=True)


def draw_curve() -> None:
    rows: list[tuple[str, str, int, list[float]]] = []
    for language, face in SERIES:
        rates = []
        for strength in STRENGTHS:
            printed = print_documents(
                documents(language), strength=strength, typefaces=[face], seed=SEED, reporter=Reporter(quiet=True)
            )
            size = sum(len(one.pair.clean) for one in printed)
            rates.append(round(sum(one.cer * len(one.pair.clean) for one in printed) / size, 4))
        print(language, face, rates, flush=True)
        characters = sum(len(document.text()) for document in documents(language))
        rows.append((language, face, characters, rates))
    facts = printing_facts(sorted({face for _, face in SERIES}))
    series = [dict(zip(("language", "typeface", "characters", "cer"), row, strict=True)) for row in rows]
    write_json(FOLDER / "curve.json", {"seed": SEED, "strengths": STRENGTHS, "series": series} | facts)
    head = "| language | typeface | characters | " + " | ".join(f"{s:g}" for s in STRENGTHS) + " |"
    lines = [
        "# Printed noise",
        "",
        "Character error rate by strength, of undamaged print (0) to a very bad page (1), made by "
        "`python corpus/print_figures.py --curve` with",
        f"Tesseract {facts['tesseract']}. One seed and few pages: read the trend, not the second digit.",
        "",
        head,
        "|---|---|---|" + "---|" * len(STRENGTHS),
        *(
            f"| {language} | {face} | {size} | " + " | ".join(f"{100 * rate:.1f} %" for rate in rates) + " |"
            for language, face, size, rates in rows
        ),
        "",
        *(f"![{name}, strength {strength:g}]({name}.png)\n" for name, _, _, strength in PAGES),
    ]
    write_text(FOLDER / "README.md", "\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    draw_pages()
    if "--curve" in sys.argv[1:]:
        draw_curve()
