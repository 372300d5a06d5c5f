package dev.chancery.testing;

/** Where a database is and how to get in; the URL is as an operator would configure it. */
public record TestDatabase(String url, String user, String password) {
  /** The password of every PostgreSQL server that tests start. */
  public static final String PASSWORD = "test-password";
}
