"""Programs that maintain the repository; nothing here is installed or imported by the engine."""
