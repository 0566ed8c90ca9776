"""The tools an agent may call and the sandbox they run in; knows nothing of models, personas or sessions."""
