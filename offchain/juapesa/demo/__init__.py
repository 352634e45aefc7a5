"""The canonical stories, told through the HTTP ports only, as people and operators would."""
