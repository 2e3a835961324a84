"""From audio to stems, with any exported model."""
