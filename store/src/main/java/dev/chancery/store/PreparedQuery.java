package dev.chancery.store;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Param;
import org.jooq.Query;
import org.jooq.Record;
import org.jooq.SQLDialect;
import org.jooq.Select;
import org.jooq.Table;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * A statement that is written with jOOQ, rendered once, and handed to JDBC from then on: for what
 * each request executes, since jOOQ renders a statement each time, which takes longer than the
 * database does (docs/performance.md). A constant of the class that executes it: it never changes,
 * and all threads share it.
 *
 * <p>It runs on the contexts that {@link Database} gives out, and fails as statements of jOOQ do
 * there.
 *
 * @param <R> the rows that it reads; of no meaning when it reads none
 */
public final class PreparedQuery<R extends Record> {
  // As jOOQ writes a named parameter; no statement here has a colon of its own.
  private static final Pattern PLACEHOLDER = Pattern.compile(":(\\w+)");
  // To make records with: it reaches no database. Making one takes longer than making a record.
  private static final DSLContext RECORDS = DSL.using(SQLDialect.DEFAULT);

  private final Query query;
  private final List<? extends Field<?>> columns;
  private final Supplier<R> row;
  private final Map<SQLDialect, Text> texts = new ConcurrentHashMap<>();

  private PreparedQuery(Query query, List<? extends Field<?>> columns, Supplier<R> row) {
    this.query = query;
    this.columns = columns;
    this.row = row;
  }

  /**
   * What JDBC is given.
   *
   * @param parameters in the order of the question marks; one can be there twice
   */
  private record Text(String sql, List<String> parameters) {}

  /** A place for a value that each execution gives; no other of the statement has this name. */
  public static <T> Param<T> parameter(String name, Field<T> column) {
    return DSL.param(name, column.getDataType());
  }

  /** A place for the value of a column. */
  public static <T> Param<T> parameter(Field<T> column) {
    return parameter(String.join("_", column.getQualifiedName().getName()), column);
  }

  /** An insert, update or delete. */
  public static PreparedQuery<Record> of(Query query) {
    return new PreparedQuery<>(query, List.of(), RECORDS::newRecord);
  }

  /** A select of all columns of a table, as selectFrom writes it. */
  public static <R extends Record> PreparedQuery<R> of(Table<R> table, Select<R> select) {
    return new PreparedQuery<>(select, List.of(table.fields()), table::newRecord);
  }

  /** A select of any columns. */
  public static PreparedQuery<Record> of(Select<? extends Record> select) {
    // Not fields(), which no longer say of which table they are.
    Field<?>[] columns = select.$select().toArray(Field<?>[]::new);
    return new PreparedQuery<>(select, List.of(columns), () -> RECORDS.newRecord(columns));
  }

  /** An execution, with its first value. */
  public <T> Call with(Param<T> parameter, @Nullable T value) {
    return new Call().with(parameter, value);
  }

  /** Runs a statement that changes something once for each of these, in one go. */
  public void executeAll(DSLContext sql, List<? extends PreparedQuery<R>.Call> calls) {
    if (calls.isEmpty()) {
      return;
    }
    Text text = text(sql);
    Connections connections = connections(sql);
    Connection connection = connections.acquireToWrite();
    try (PreparedStatement statement = connection.prepareStatement(text.sql())) {
      for (Call call : calls) {
        call.bind(statement, text);
        statement.addBatch();
      }
      int[] _ = statement.executeBatch();
    } catch (SQLException e) {
      throw connections.failure(e);
    } finally {
      connections.release(connection);
    }
  }

  private Text text(DSLContext sql) {
    return texts.computeIfAbsent(sql.family(), dialect -> rendered(sql));
  }

  /** One execution: give it a value for each parameter. */
  public final class Call {
    private final Map<String, @Nullable Object> values = new HashMap<>();

    private Call() {}

    public <T> Call with(Param<T> parameter, @Nullable T value) {
      values.put(parameter.getName(), value);
      return this;
    }

    /** Runs a statement that changes something; how many rows it changed. */
    public int execute(DSLContext sql) {
      Text text = text(sql);
      Connections connections = connections(sql);
      Connection connection = connections.acquireToWrite();
      try (PreparedStatement statement = connection.prepareStatement(text.sql())) {
        bind(statement, text);
        return statement.executeUpdate();
      } catch (SQLException e) {
        throw connections.failure(e);
      } finally {
        connections.release(connection);
      }
    }

    /** Runs a select. */
    public List<R> fetch(DSLContext sql) {
      Text text = text(sql);
      Connections connections = connections(sql);
      Connection connection = connections.acquire();
      try (PreparedStatement statement = connection.prepareStatement(text.sql())) {
        bind(statement, text);
        try (ResultSet result = statement.executeQuery()) {
          return read(result);
        }
      } catch (SQLException e) {
        throw connections.failure(e);
      } finally {
        connections.release(connection);
      }
    }

    /** Runs a select that finds one row at most. */
    public Optional<R> fetchOptional(DSLContext sql) {
      List<R> rows = fetch(sql);
      if (rows.size() > 1) {
        throw new IllegalStateException("more than one row of " + query);
      }
      return rows.stream().findFirst();
    }

    private void bind(PreparedStatement statement, Text text) throws SQLException {
      int index = 1;
      for (String parameter : text.parameters()) {
        Object value = value(parameter);
        if (value instanceof byte[] octets) {
          statement.setBytes(index++, octets);
        } else {
          statement.setObject(index++, value);
        }
      }
    }

    private @Nullable Object value(String parameter) {
      if (!values.containsKey(parameter)) {
        throw new IllegalArgumentException(parameter + " was given no value");
      }
      return values.get(parameter);
    }
  }

  private static Connections connections(DSLContext sql) {
    if (sql.configuration().connectionProvider() instanceof Connections connections) {
      return connections;
    }
    throw new IllegalArgumentException("not a context of the database");
  }

  private Text rendered(DSLContext sql) {
    // What is no parameter, such as a state that is asked for, stands in the text for good.
    Matcher places = PLACEHOLDER.matcher(sql.renderNamedOrInlinedParams(query));
    List<String> parameters = new ArrayList<>();
    String text =
        places.replaceAll(place -> {
          parameters.add(place.group(1));
          return "?";
        });
    return new Text(text, List.copyOf(parameters));
  }

  private List<R> read(ResultSet result) throws SQLException {
    List<R> rows = new ArrayList<>();
    while (result.next()) {
      R read = row.get();
      int index = 1;
      for (Field<?> column : columns) {
        read(result, index++, column, read);
      }
      rows.add(read);
    }
    return rows;
  }

  private static <T> void read(ResultSet result, int index, Field<T> column, Record into)
      throws SQLException {
    into.set(column, result.getObject(index, column.getType()));
  }
}
