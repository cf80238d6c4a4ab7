// Sends what a shop's Node service would, with Segment's own library; prints what its callbacks said.
const { Analytics } = require('@segment/analytics-node')

const [host, writeKey, count] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host, flushAt: 20, maxRetries: 0 })
const failures = []
analytics.on('error', (error) => failures.push({ code: error.code, status: error.ctx?.failedDelivery?.()?.reason?.message }))

for (let i = 0; i < Number(count); i++) {
  analytics.track({ userId: 'node-customer', event: 'Product Viewed', properties: { product_id: `p${i}`, name: '面膜' } })
}
analytics.track({
  userId: 'node-customer',
  event: 'Order Completed',
  timestamp: new Date('2024-01-05T10:00:00Z'),
  properties: { order_id: 'n-1', total: 12.5, products: [{ product_id: 'p1', quantity: 2, price: 6.25 }] },
})
analytics.identify({ userId: 'node-customer', anonymousId: 'node-device', traits: { birthday: '1990-05-03' } })
analytics.alias({ userId: 'node-customer', previousId: 'node-card' })
analytics.page({ anonymousId: 'node-device', name: 'Home' })
analytics.group({ userId: 'node-customer', groupId: 'wecom-7', traits: { name: 'Group' } })

analytics.closeAndFlush().then(() => console.log(JSON.stringify({ failures })))
