"""The vocabulary: frozen data that every part of Aryl shares."""
