from pathlib import Path


def read_words():
    return (Path(__file__).parent / "words.txt").read_text().split()
