"""The outlook: what a recipe comes to, stage by stage, before anything runs.

figure      a number that knows what it rests on
measured    what a finished stage or a pilot measured
rows        rows of one domain, and what a stage is seen to come to
at          a stage with what stands above it: its numbers, measured or else stated
passing     the rows that come out of a stage
asking      the completions, tokens, hours and money of a stage that asks a model
mixing      what a merge takes and writes
training    what a stage that trains reads and costs
reckoned    all stages of a plan, and the disk at most
told        the table
"""
