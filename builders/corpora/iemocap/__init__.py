"""IEMOCAP: acted two-person dialogues, heard and judged by several raters."""
