"""`croissant.json`: the dataset in MLCommons' metadata format, with its fields on responsible use.

The Hub generates its own from the card, which omits nested columns and says nothing about
the origin of the data; this one is in the repository.
"""

from __future__ import annotations

from builders.record.parquet import HubFeature, features_of, is_leaf
from builders.release.hub.metadata import schema_of, wording
from builders.release.hub.staging import Staged
from builders.release.layouts import AUDIO_CLASSES

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {"string": "sc:Text", "int64": "sc:Integer", "float64": "sc:Float", "bool": "sc:Boolean"}


def croissant(staged: Staged, repo: str, endpoint: str) -> dict[str, object]:
    """Return the document.

    Args:
        staged: the rows of the version.
        repo: where it will be, ORG/NAME.
        endpoint: the Hub's address.
    """
    terms, said = staged.terms, wording()
    url = f"{endpoint}/datasets/{repo}"
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.0",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": repo.split("/")[-1],
        "description": f"Utterances of {terms.card.title} with empathetic replies.",
        "license": terms.licence.link or terms.licence.name,
        "url": url,
        "citeAs": terms.card.citation,
        "inLanguage": terms.card.language,
        "creator": {"@type": "Organization", "name": terms.card.owner},
        "rai:dataCollection": said["rai"]["collection"],
        "rai:dataAnnotationProtocol": said["rai"]["annotation"],
        "rai:machineAnnotationTools": ["Hearten"],
        "rai:personalSensitiveInformation": said["rai"]["personal"],
        "rai:dataUseCases": said["uses"]["intended"],
        "rai:dataLimitations": [
            *said["uses"]["out_of_scope"],
            *terms.card.known_faults,
            *_output(staged),
        ],
        "rai:dataBiases": said["uses"]["limits"],
        "rai:dataReleaseMaintenancePlan": said["rai"]["maintenance"],
        "distribution": [_repository(url), *(_files(kind) for kind in staged.files)],
        "recordSet": [_records(staged, c) for c in staged.configs if c not in AUDIO_CLASSES],
    }


def _output(staged: Staged) -> list[str]:
    """Return what the terms of the models' output are, a sentence for each model."""
    return [f"{one.sentence[0].upper()}{one.sentence[1:]}." for one in staged.output_terms]


def _repository(url: str) -> dict[str, object]:
    return {
        "@type": "cr:FileObject",
        "@id": "repo",
        "name": "repo",
        "description": "The repository on the Hub.",
        "contentUrl": url,
        "encodingFormat": "git+https",
        # A repository has no digest; the authors of the format recommend this value.
        "sha256": "https://github.com/mlcommons/croissant/issues/80",
    }


def _files(kind: str) -> dict[str, object]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{kind}-files",
        "containedIn": {"@id": "repo"},
        "encodingFormat": "application/x-parquet",
        "includes": f"data/{kind}/*.parquet",
    }


def _records(staged: Staged, config: str) -> dict[str, object]:
    files = config if config in staged.files else "default"
    features = features_of(schema_of(staged, config))
    return {
        "@type": "cr:RecordSet",
        "@id": config,
        "name": config,
        "description": wording()["about"][config],
        "key": {"@id": f"{config}/id"},
        "field": [
            _field(f"{config}/{name}", name, feature, f"{files}-files", name)
            for name, feature in features.items()
        ],
    }


def _field(
    where: str, column: str, feature: HubFeature, files: str, path: str
) -> dict[str, object]:
    """Return a field; an object has sub-fields, found by their path in the column."""
    found: dict[str, object] = {"@type": "cr:Field", "@id": where, "name": where}
    while isinstance(feature, list):
        found["repeated"] = True
        feature = feature[0]
    source: dict[str, object] = {"fileSet": {"@id": files}, "extract": {"column": column}}
    if path != column:
        source["transform"] = {"jsonPath": path.removeprefix(f"{column}.")}
    if is_leaf(feature):
        audio = feature["_type"] == "Audio"
        kind = "sc:AudioObject" if audio else _TYPES[feature["dtype"]]
        return {**found, "dataType": kind, "source": source}
    found["subField"] = [
        _field(f"{where}/{name}", column, one, files, f"{path}.{name}")
        for name, one in feature.items()
    ]
    return found
