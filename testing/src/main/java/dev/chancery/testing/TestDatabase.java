package dev.chancery.testing;

/** Where a database is and how to get in; the URL is as an operator would configure it. */
public record TestDatabase(String url, String user, String password) {}
