package dev.chancery.store;

import java.sql.SQLException;
import org.jooq.Binding;
import org.jooq.BindingGetResultSetContext;
import org.jooq.BindingGetSQLInputContext;
import org.jooq.BindingGetStatementContext;
import org.jooq.BindingRegisterContext;
import org.jooq.BindingSQLContext;
import org.jooq.BindingSetSQLOutputContext;
import org.jooq.BindingSetStatementContext;
import org.jooq.Converter;
import org.jooq.Converters;
import org.jooq.impl.SQLDataType;

/**
 * Hands octets to JDBC as they are, and leaves all else to jOOQ. Its own binding makes two BLOBs of
 * each value for H2, which stay in the file until that is closed in good order, so after a crash
 * for ever.
 *
 * <p>Public only because generated classes of another package name it.
 */
public final class OctetsBinding implements Binding<byte[], byte[]> {
  private static final long serialVersionUID = 1L;
  private static final Binding<?, byte[]> BY_JOOQ = SQLDataType.VARBINARY.getBinding();

  @Override
  public Converter<byte[], byte[]> converter() {
    return Converters.identity(byte[].class);
  }

  @Override
  public void sql(BindingSQLContext<byte[]> context) throws SQLException {
    BY_JOOQ.sql(context);
  }

  @Override
  public void register(BindingRegisterContext<byte[]> context) throws SQLException {
    BY_JOOQ.register(context);
  }

  @Override
  public void set(BindingSetStatementContext<byte[]> context) throws SQLException {
    context.statement().setBytes(context.index(), context.value());
  }

  @Override
  public void get(BindingGetResultSetContext<byte[]> context) throws SQLException {
    context.value(context.resultSet().getBytes(context.index()));
  }

  @Override
  public void get(BindingGetStatementContext<byte[]> context) throws SQLException {
    context.value(context.statement().getBytes(context.index()));
  }

  @Override
  public void set(BindingSetSQLOutputContext<byte[]> context) throws SQLException {
    BY_JOOQ.set(context);
  }

  @Override
  public void get(BindingGetSQLInputContext<byte[]> context) throws SQLException {
    BY_JOOQ.get(context);
  }
}
