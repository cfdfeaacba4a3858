// One invoice as one JSON document, put together by PostgreSQL in one statement: the floor of reading.

export const READ = {
  name: 'read',
  text: `SELECT json_build_object(
      'id', i.id, 'number', i.number, 'type', i.type, 'state', i.state, 'due_date', i.due_date, 'currency', i.currency,
      'total_ex_vat', i.total_ex_vat, 'total_vat', i.total_vat, 'total', i.total_ex_vat + i.total_vat,
      'orders', (
        SELECT json_agg(json_build_object('id', o.id, 'number', o.number) ORDER BY link.position)
        FROM invoice_orders link JOIN orders o ON o.merchant_id = link.merchant_id AND o.id = link.order_id
        WHERE link.merchant_id = i.merchant_id AND link.invoice_id = i.id),
      'lines', (
        SELECT json_agg(json_build_object('id', l.invoice_id || ':' || l.position, 'order_item_id', l.order_item_id,
          'sku', l.sku, 'name', l.name, 'quantity', trim_scale(l.quantity_e4 / 10000.0), 'unit_price', l.unit_price,
          'discount', l.discount, 'vat_rate', trim_scale(l.vat_rate_e4 / 10000.0)::text, 'total_ex_vat', l.total_ex_vat,
          'total_vat', l.total_vat, 'total', l.total_ex_vat + l.total_vat) ORDER BY l.position)
        FROM invoice_lines l WHERE l.merchant_id = i.merchant_id AND l.invoice_id = i.id),
      'vat', (
        SELECT json_agg(json_build_object('category', v.vat_category, 'rate', trim_scale(v.vat_rate_e4 / 10000.0)::text,
          'total_ex_vat', v.net, 'amount', v.vat, 'reason', v.reason) ORDER BY v.vat_rate_e4 DESC)
        FROM (
          SELECT vat_category, vat_rate_e4, sum(total_ex_vat) AS net, sum(total_vat) AS vat,
            string_agg(DISTINCT vat_reason, '; ') AS reason
          FROM invoice_lines l WHERE l.merchant_id = i.merchant_id AND l.invoice_id = i.id
          GROUP BY vat_category, vat_rate_e4) AS v),
      'reimbursement', json_build_object(
        'status', CASE WHEN i.state = 'CANCELED' THEN 'VOIDED' WHEN i.amount_paid >= i.total_ex_vat + i.total_vat THEN 'PAID'
          WHEN i.amount_paid > 0 THEN 'PARTIALLY_PAID' ELSE 'OPEN' END,
        'amount_due', CASE WHEN i.state = 'OPEN' THEN i.total_ex_vat + i.total_vat - i.amount_paid ELSE 0 END,
        'amount_paid', i.amount_paid, 'amount_refunded', i.amount_refunded,
        'payments', coalesce((
          SELECT json_agg(json_build_object('method', p.method, 'amount', p.amount, 'status', p.status) ORDER BY p.created_at, p.id)
          FROM payments p WHERE p.merchant_id = i.merchant_id AND p.invoice_id = i.id), '[]'))
    )::text AS invoice
    FROM invoices i WHERE i.merchant_id = $1 AND i.id = $2`,
};
