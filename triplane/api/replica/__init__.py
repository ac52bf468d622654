"""The read model: folds the facts of each session into what API and page show, and never leads."""
