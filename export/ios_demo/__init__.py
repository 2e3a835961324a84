"""The folder that an app developer takes home: models, clips, golden vectors and a manifest of all of it."""
