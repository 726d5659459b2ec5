"""What the engine `openai` is made of: connections, answers, pacing, servers, and the dispatch that joins them."""
